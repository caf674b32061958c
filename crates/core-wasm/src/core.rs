//! A turn from bytes to bytes, and the way of each input to its client or worker.

use bytes::Bytes;
use corewasm_abi::Module;
use corewasm_host::{
    InputError, TurnDriver,
    envelope::{Input, TurnRequest, TurnResponse, input::Kind},
};
use prost::Message;

use crate::{clients::Clients, workers::Workers};

/// One instance of Core: the clients and workers of one Runtime.
pub struct Core {
    driver: TurnDriver,
    clients: Clients,
    workers: Workers,
}

impl Default for Core {
    fn default() -> Self {
        let driver = TurnDriver::new();
        let clients = Clients::new(driver.host());
        let workers = Workers::new(driver.host(), clients.clone());
        Self { driver, clients, workers }
    }
}

impl Core {
    /// Makes a turn with a decoded request.
    pub fn take_turn(&mut self, request: TurnRequest) -> TurnResponse {
        let Self { driver, clients, workers } = self;
        driver.turn(request, &mut |input| dispatch(clients, workers, input))
    }
}

impl Module for Core {
    fn turn(&mut self, request: Bytes) -> Vec<u8> {
        match TurnRequest::decode(request) {
            Ok(request) => self.take_turn(request).encode_to_vec(),
            Err(error) => self.refuse(&error.to_string()),
        }
    }

    fn refuse(&mut self, reason: &str) -> Vec<u8> {
        TurnResponse { request_error: reason.to_owned(), ..TurnResponse::default() }.encode_to_vec()
    }
}

fn dispatch(clients: &Clients, workers: &Workers, input: Input) -> Result<(), InputError> {
    match input.kind {
        Some(Kind::ClientConnect(connect)) => clients.connect(connect),
        Some(Kind::ClientUpdateHeaders(update)) => clients.update_headers(update),
        Some(Kind::ClientUpdateApiKey(update)) => clients.update_api_key(update),
        Some(Kind::ClientClose(close)) => clients.close(close.client),
        Some(Kind::ClientCall(call)) => clients.call(call),
        Some(Kind::WorkerOpen(open)) => workers.open(open),
        Some(Kind::ReplayWorkerOpen(open)) => workers.open_replay(open),
        Some(Kind::WorkerValidate(validate)) => workers.validate(validate),
        Some(Kind::WorkerReplaceClient(replace)) => workers.replace_client(replace),
        Some(Kind::WorkerInitiateShutdown(shutdown)) => workers.initiate_shutdown(shutdown.worker),
        Some(Kind::WorkerFinalizeShutdown(shutdown)) => workers.finalize_shutdown(shutdown.worker, shutdown.call),
        Some(Kind::WorkerDrop(given_up)) => workers.give_up(given_up.worker),
        Some(Kind::WorkerPoll(poll)) => workers.poll(&poll),
        Some(Kind::WorkerComplete(complete)) => workers.complete(complete),
        Some(Kind::WorkerHeartbeat(heartbeat)) => workers.heartbeat(heartbeat),
        Some(Kind::WorkerRequestEviction(request)) => workers.request_eviction(&request),
        Some(Kind::Undelivered(undelivered)) => workers.undelivered(undelivered),
        Some(Kind::HistoryPush(push)) => workers.push_history(push),
        Some(Kind::HistoryClose(close)) => workers.close_history(close.worker),
        Some(Kind::OrphanedRpcResult(orphan)) => workers.orphaned_rpc_result(orphan),
        Some(Kind::ResourceSample(sample)) => workers.resource_sample(sample),
        // The driver's own, and what is not known.
        Some(Kind::Open(_) | Kind::CallCancelled(_) | Kind::RpcResult(_) | Kind::SlotReserved(_)) | None => {
            Err(InputError::unknown_message())
        }
    }
}
