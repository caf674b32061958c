//! Spec 7.6 to 7.9: slots as long as the machine is not too busy.

use std::time::Duration;

use crate::common::{Harness, config, pollers};
use corewasm_host::envelope::{ResourceBasedSlots, SlotSupplier, WorkerConfig, slot_supplier};
use corewasm_worker::slots::Load;

const IDLE: Load = Load { memory: 0.1, cpu: 0.1 };
const FULL: Load = Load { memory: 0.9, cpu: 0.1 };
const BUSY: Load = Load { memory: 0.1, cpu: 0.95 };

/// Twenty pollers that want a slot each: 2 to 10 slots, 50 ms apart, at most 80 % of memory and processor.
fn harness() -> Harness {
    let slots = ResourceBasedSlots {
        minimum: 2,
        maximum: 10,
        ramp_throttle_ns: 50_000_000,
        target_memory_usage: 0.8,
        target_cpu_usage: 0.8,
    };
    let mut harness = Harness::with(WorkerConfig {
        max_cached_workflows: 0,
        workflow_pollers: Some(pollers(20)),
        workflow_slots: Some(SlotSupplier { kind: Some(slot_supplier::Kind::ResourceBased(slots)) }),
        ..config()
    });
    let _polled = harness.poll();
    harness
}

fn pass(harness: &mut Harness, milliseconds: u64) {
    for _ in 0..milliseconds / 10 {
        harness.advance(Duration::from_millis(10));
    }
}

#[test]
fn the_minimum_is_given_out_without_any_sample() {
    let mut harness = harness();
    pass(&mut harness, 500);
    assert_eq!(harness.service.polls(false), 2);
}

#[test]
fn an_idle_machine_ramps_up_to_the_maximum() {
    let mut harness = harness();
    assert!(harness.worker.set_load(IDLE));
    pass(&mut harness, 100);
    let some = harness.service.polls(false);
    assert!((3..=4).contains(&some), "one every 50 ms, not {some}");
    pass(&mut harness, 2000);
    assert_eq!(harness.service.polls(false), 10);
}

#[test]
fn a_busy_machine_gives_no_more_until_it_is_idle_again() {
    for load in [FULL, BUSY] {
        let mut harness = harness();
        assert!(harness.worker.set_load(load));
        pass(&mut harness, 500);
        assert_eq!(harness.service.polls(false), 2, "{load:?}");
        assert!(harness.worker.set_load(IDLE));
        pass(&mut harness, 200);
        assert!(harness.service.polls(false) > 2);
    }
}
