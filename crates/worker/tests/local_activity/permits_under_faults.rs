//! Whatever happens in whatever order: every permit comes back, every activity resolves at most once (spec 7.3).

use std::collections::BTreeMap;

use crate::local_activity::support::*;
use corewasm_engine::LocalActivityRequest;
use corewasm_engine::output::LocalActivityNotice;
use proptest::prelude::*;
use temporalio_protos::coresdk::activity_task::activity_task::Variant;
use temporalio_protos::coresdk::workflow_commands::ScheduleLocalActivity;

#[derive(Clone, Debug)]
enum Step {
    Execute { start_to_close: u64, schedule_to_start: u64, threshold: u64 },
    Poll,
    Complete { which: usize, how: usize },
    Cancel { seq: u32 },
    CancelAll,
    Forget,
    TaskCompleted,
    Advance(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (1..20u64, 1..20u64, 0..5u64).prop_map(|(start_to_close, schedule_to_start, threshold)| Step::Execute {
            start_to_close, schedule_to_start, threshold
        }),
        5 => Just(Step::Poll),
        3 => (any::<usize>(), 0..3usize).prop_map(|(which, how)| Step::Complete { which, how }),
        1 => (0..20u32).prop_map(|seq| Step::Cancel { seq }),
        1 => Just(Step::CancelAll),
        1 => Just(Step::Forget),
        1 => Just(Step::TaskCompleted),
        2 => (0..8u64).prop_map(Step::Advance),
    ]
}

const SLOTS: usize = 3;

#[derive(Default)]
struct Lang {
    next_seq: u32,
    held: Vec<Vec<u8>>,
    resolutions: BTreeMap<u32, usize>,
}

fn apply(fixture: &mut Fixture, lang: &mut Lang, step: Step) {
    match step {
        Step::Execute { start_to_close, schedule_to_start, threshold } => {
            let schedule = ScheduleLocalActivity {
                start_to_close_timeout: proto(secs(start_to_close)),
                schedule_to_start_timeout: proto(secs(schedule_to_start)),
                schedule_to_close_timeout: proto(secs(20)),
                local_retry_threshold: proto(secs(threshold)),
                ..activity(lang.next_seq)
            };
            lang.next_seq += 1;
            fixture.execute(schedule);
        }
        Step::Poll => {
            if let Some(task) = fixture.poll()
                && matches!(task.variant, Some(Variant::Start(_)))
            {
                lang.held.push(task.task_token);
            }
        }
        Step::Complete { which, how } if !lang.held.is_empty() => {
            let token = lang.held.swap_remove(which % lang.held.len());
            fixture.complete(&token, [success(), failure(), cancelled()][how].clone());
        }
        Step::Complete { .. } => {}
        Step::Cancel { seq } => {
            for resolution in fixture.cancel(seq) {
                *lang.resolutions.entry(resolution.seq).or_default() += 1;
            }
        }
        Step::CancelAll => {
            assert_eq!(fixture.request([LocalActivityRequest::CancelAll]).resolutions, []);
        }
        Step::Forget => fixture.notice(LocalActivityNotice::Forget),
        Step::TaskCompleted => fixture.notice(LocalActivityNotice::TaskCompleted),
        Step::Advance(seconds) => fixture.advance(secs(seconds)),
    }
    for resolution in fixture.take_resolved() {
        *lang.resolutions.entry(resolution.seq).or_default() += 1;
    }
}

proptest! {
    #[test]
    fn permits_and_resolutions_balance(steps in proptest::collection::vec(step(), 0..120)) {
        let mut fixture = Fixture::new(SLOTS);
        let mut lang = Lang::default();
        for step in steps {
            apply(&mut fixture, &mut lang, step);
            prop_assert!(fixture.used_slots() <= SLOTS);
        }
        // Lang finishes what it has, then the workflows end.
        for token in std::mem::take(&mut lang.held) {
            fixture.complete(&token, cancelled());
        }
        fixture.executor.handle_workflows_shut_down();
        while !fixture.executor.is_finished() {
            let task = fixture.poll();
            if let Some(task) = task {
                fixture.complete(&task.task_token, cancelled());
            } else {
                fixture.advance(secs(1));
            }
        }
        prop_assert_eq!(fixture.used_slots(), 0);
        for (seq, times) in lang.resolutions {
            prop_assert_eq!(times, 1, "activity {} resolved {} times", seq, times);
        }
    }
}
