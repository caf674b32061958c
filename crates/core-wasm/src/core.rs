//! A turn from bytes to bytes, and the way of each input to its client or worker.

use bytes::Bytes;
use corewasm_abi::Module;
use corewasm_host::envelope::{
    CallError, Input, Open, TaskKind, TurnRequest, TurnResponse, input::Kind, input::Repetition,
};
use corewasm_host::{CallResult, Host, HostRef, InputError, PermitRef, TurnDriver, code};
use prost::Message;

use crate::account::{Account, Settled, parties};
use crate::{clients::Clients, workers::Workers};

/// One instance of Core: the clients and workers of one Runtime.
pub struct Core {
    driver: TurnDriver,
    parts: Parts,
}

struct Parts {
    host: Host,
    clients: Clients,
    workers: Workers,
    account: Account,
    aftermath: Aftermath,
}

/// What is left to do of the trap of an earlier instance.
#[derive(Default)]
struct Aftermath {
    /// Workers that were not opened again, and why.
    failed: Vec<(u32, String)>,
    /// The input that trapped.
    settled: Option<Settled>,
}

impl Default for Core {
    fn default() -> Self {
        let driver = TurnDriver::new();
        let host = driver.host();
        let clients = Clients::new(host.clone());
        let workers = Workers::new(host.clone(), clients.clone());
        let (account, aftermath) = (Account::default(), Aftermath::default());
        Self { driver, parts: Parts { host, clients, workers, account, aftermath } }
    }
}

impl Core {
    /// Makes a turn with a decoded request.
    pub fn take_turn(&mut self, request: TurnRequest) -> TurnResponse {
        let Self { driver, parts } = self;
        let inputs = (0..).zip(&request.inputs).filter(|(_, input)| !parts.is_settled(input));
        let inputs = parts.account.observed(inputs);
        let mut response = driver.turn(request, &mut |input| parts.apply(input));
        if parts.account.keeps() {
            let workers = &parts.workers;
            parts.account.finish(inputs, &mut response, &|worker| workers.names(worker));
        }
        response
    }
}

impl Parts {
    /// Whether it is the culprit of a trap, which was dealt with when the worker was opened again.
    fn is_settled(&self, input: &Input) -> bool {
        let call = input.kind.as_ref().map_or(0, |kind| parties(kind).1);
        input.repetition() == Repetition::Trapped && self.aftermath.settled.as_ref().is_some_and(|it| it.call == call)
    }

    fn apply(&mut self, input: Input) -> Result<(), InputError> {
        match (input.repetition(), &input.kind) {
            (_, Some(Kind::Open(open))) => self.open(open),
            _ if self.is_settled(&input) => {
                let settled = self.aftermath.settled.take().filter(|settled| settled.call != 0);
                settled.into_iter().for_each(|settled| self.host.resolve(settled.call, settled.result));
                Ok(())
            }
            (Repetition::Unanswered, Some(kind)) if self.answers_now(kind) => Ok(()),
            _ => dispatch(&self.clients, &self.workers, input),
        }
    }

    /// Opens what an earlier instance had open.
    fn open(&mut self, open: &Open) -> Result<(), InputError> {
        let restored = self.account.restore(open)?;
        let released = restored.released.into_iter().filter_map(PermitRef::new);
        released.for_each(|permit| self.host.release_permit(permit, None));
        restored.failed.iter().filter_map(|(worker, _)| HostRef::new(*worker)).for_each(|worker| {
            self.host.worker_closed(worker);
        });
        self.aftermath = Aftermath { failed: restored.failed, settled: restored.settled };
        for kind in restored.inputs {
            // What is refused is missed by the inputs that need it, each of which says so.
            let _ = dispatch(&self.clients, &self.workers, Input { kind: Some(kind), ..Input::default() });
        }
        Ok(())
    }

    /// Answers a call of an earlier instance that is not asked again.
    fn answers_now(&self, unanswered: &Kind) -> bool {
        let (worker, call) = parties(unanswered);
        let failed = self.aftermath.failed.iter().find(|(failed, _)| *failed == worker);
        let result: CallResult = match (failed, unanswered) {
            (Some((_, why)), _) => Err(CallError::runtime(why.clone())),
            // Its answer to the server is on its way.
            (_, Kind::WorkerComplete(each)) if each.kind == TaskKind::Workflow as i32 => Ok(Bytes::new()),
            (_, Kind::ClientCall(each)) if !each.retry => {
                Err(CallError::rpc(code::UNAVAILABLE, "Core was restarted during the call", Bytes::new()))
            }
            _ => return false,
        };
        self.host.resolve(call, result);
        true
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
