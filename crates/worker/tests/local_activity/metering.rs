//! Attempts that a workflow task reports for metering (spec 4.5.3).

use crate::local_activity::support::*;
use corewasm_engine::output::LocalActivityNotice;

fn fail_attempts(fixture: &mut Fixture, attempts: usize) {
    for _ in 0..attempts {
        let (token, start) = fixture.expect_start();
        fixture.complete(&token, failure());
        fixture.advance(secs(1 << (start.attempt - 1).min(6)));
    }
}

#[test]
fn only_attempts_after_the_first_workflow_task_count_and_only_those_of_the_current_one() {
    let mut fixture = Fixture::new(1);
    let mut schedule = activity(1);
    schedule.schedule_to_close_timeout = proto(secs(100_000));
    fixture.execute(schedule);
    fail_attempts(&mut fixture, 3);
    assert_eq!(fixture.executor.nonfirst_attempts(RUN), 0, "the first workflow task still runs");
    fixture.notice(LocalActivityNotice::TaskCompleted);
    assert_eq!(fixture.executor.nonfirst_attempts(RUN), 0);
    fail_attempts(&mut fixture, 2);
    assert_eq!(fixture.executor.nonfirst_attempts(RUN), 2);
    assert_eq!(fixture.executor.nonfirst_attempts("another run"), 0);
    fixture.notice(LocalActivityNotice::TaskCompleted);
    assert_eq!(fixture.executor.nonfirst_attempts(RUN), 0);
}
