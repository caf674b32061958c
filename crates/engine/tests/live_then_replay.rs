//! Spec 1.5, 2, 12: whatever a workflow does and whatever befalls it, its replay from any prefix of its history gives
//! the activations and the commands that it gave in life. Spec 1.3: however that history is cut into pages.

use crate::any_workflow::replay::{Worker, assert_completes_as};
use crate::any_workflow::{Life, Plan, any_plan, live, view_of};
use crate::support::settled;
use crate::support::{Report, paged, task};
use corewasm_engine::PreparedTask;
use corewasm_testkit::history::generate::any_page_sizes;
use proptest::prelude::*;

fn replay_up_to(plan: &Plan, life: &Life, number: usize) {
    let (last, before) = life.tasks[..number].split_last().expect("tasks count from 1");
    if last.joins_the_last {
        return;
    }
    let prepared = PreparedTask { messages: last.messages.clone(), ..task(&view_of(life, number)) };
    let mut worker = Worker::new(&plan.script, prepared);
    worker.catch_up(before);
    if let Some(completion) = worker.play(last, number) {
        assert_completes_as(last, &completion, number, worker.has_joined_tasks);
    }
}

fn replay_whole(plan: &Plan, life: &Life) {
    let mut worker = Worker::new(&plan.script, task(&life.history.whole()));
    worker.catch_up(if life.is_answered { &life.tasks } else { &life.tasks[..life.tasks.len() - 1] });
    let failed = worker.driver.held.iter().find(|(report, ..)| matches!(report, Some(Report::Fail(_))));
    assert!(failed.is_none(), "{failed:#?}");
}

/// As [`replay_up_to`], but history comes page by page.
fn replay_in_pages(plan: &Plan, life: &Life, number: usize, sizes: &[usize]) {
    let (last, before) = life.tasks[..number].split_last().expect("tasks count from 1");
    if last.joins_the_last {
        return;
    }
    let (prepared, pages) = paged(&view_of(life, number), sizes);
    let prepared = PreparedTask { messages: last.messages.clone(), ..prepared };
    let mut worker = Worker::in_pages(&plan.script, prepared, pages);
    worker.catch_up(before);
    if let Some(completion) = worker.play(last, number) {
        assert_completes_as(last, &completion, number, worker.has_joined_tasks);
    }
}

proptest! {
    #![proptest_config(settled(300))]

    #[test]
    fn replay_from_any_prefix_is_like_life(plan in any_plan()) {
        let life = live(&plan);
        for number in 1..=life.history.task_count() {
            replay_up_to(&plan, &life, number);
        }
        replay_whole(&plan, &life);
    }

    #[test]
    fn pages_make_no_difference(plan in any_plan(), sizes in any_page_sizes()) {
        let life = live(&plan);
        for number in 1..=life.history.task_count() {
            replay_in_pages(&plan, &life, number, &sizes);
        }
    }
}
