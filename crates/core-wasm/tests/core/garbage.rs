//! Whatever bytes come, the answer is a response.

use core_wasm::Core;
use corewasm_abi::{Instance, Module};
use corewasm_host::envelope::TurnResponse;
use proptest::prelude::*;
use prost::Message;

use crate::support::TestHost;

#[test]
fn a_request_that_does_not_decode_is_refused_and_the_instance_goes_on() {
    let mut core = Core::default();
    let response = TurnResponse::decode(core.turn(b"\xff\xff\xff".as_slice().into()).as_slice()).unwrap();
    assert!(!response.request_error.is_empty());
    assert_eq!(response.effects, []);
    let response = TurnResponse::decode(core.turn(Default::default()).as_slice()).unwrap();
    assert_eq!(response, TurnResponse::default());
}

proptest! {
    #[test]
    fn any_bytes_are_answered(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let response = Core::default().turn(bytes.into());
        prop_assert!(TurnResponse::decode(response.as_slice()).is_ok());
    }

    #[test]
    fn a_damaged_request_is_answered(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut host = TestHost::opened();
        host.turn([crate::support::connect(1, 1), crate::support::open_worker(1, 2)]);
        let mut core = Core::default();
        for (request, _) in &host.log {
            let mut request = request.clone();
            let at = at.index(request.len());
            request[at] = byte;
            let response = core.turn(request.into());
            prop_assert!(TurnResponse::decode(response.as_slice()).is_ok());
        }
    }
}

#[test]
fn pointers_that_were_never_handed_out_are_not_followed() {
    let instance: Instance<Core> = Instance::default();
    instance.free(0xDEAD_BEEF, 7);
    assert_ne!(instance.turn(0xDEAD_BEEF, 7) & 0xFFFF_FFFF, 0, "the refusal says why");
}
