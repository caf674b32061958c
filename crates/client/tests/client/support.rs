//! A connection on a virtual host, and calls whose results a test can look at.

use std::{cell::RefCell, future::Future, rc::Rc};

use corewasm_client::{CallOptions, Connection, RetryOptions, Rpc, RpcError};
use corewasm_host::{
    GrpcResponse, HostRef,
    envelope::{ClientConfig, RpcStart, effect, input},
    testing::{VirtualHost, rpc_starts},
};
use prost::Message;

pub(crate) const CLIENT: u32 = 1;

pub(crate) fn config() -> ClientConfig {
    ClientConfig {
        client_name: "temporal-python".to_owned(),
        client_version: "1.35.0".to_owned(),
        identity: "me@here".to_owned(),
        ..ClientConfig::default()
    }
}

pub(crate) fn connection(host: &VirtualHost, config: ClientConfig) -> Connection {
    let retry = config.retry.map_or_else(RetryOptions::default, Into::into);
    Connection::new(&host.host(), HostRef::new(CLIENT).unwrap(), config.into(), retry).unwrap()
}

/// The result of a spawned future, once it is there.
pub(crate) struct Outcome<T>(Rc<RefCell<Option<T>>>);

impl<T> Outcome<T> {
    pub(crate) fn take(&self) -> Option<T> {
        self.0.borrow_mut().take()
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.0.borrow().is_none()
    }
}

pub(crate) fn spawn<T: 'static>(host: &VirtualHost, future: impl Future<Output = T> + 'static) -> Outcome<T> {
    let cell = Rc::new(RefCell::new(None));
    let result = cell.clone();
    host.host().spawn(async move { *result.borrow_mut() = Some(future.await) }).detach();
    Outcome(cell)
}

pub(crate) fn call(
    host: &VirtualHost,
    connection: &Connection,
    method: &'static str,
    request: &impl Message,
    options: CallOptions,
) -> Outcome<Result<GrpcResponse, RpcError>> {
    let (connection, body) = (connection.clone(), request.encode_to_vec());
    spawn(host, async move { connection.call_raw(Rpc::workflow_service(method), body.into(), options).await })
}

/// The only RPC that these effects start.
pub(crate) fn started(effects: &[effect::Kind]) -> RpcStart {
    let starts = rpc_starts(effects);
    assert_eq!(starts.len(), 1, "{effects:?}");
    starts[0].clone()
}

/// Makes a turn and gives the only RPC that it starts.
pub(crate) fn turn_to_rpc(host: &mut VirtualHost, inputs: impl IntoIterator<Item = input::Kind>) -> RpcStart {
    started(&host.turn(inputs))
}

/// Waits for the pause before the next attempt to pass and gives that attempt.
pub(crate) fn next_attempt(host: &mut VirtualHost) -> RpcStart {
    started(&host.advance_to_wakeup().expect("a retry is pending"))
}

pub(crate) fn header(start: &RpcStart, key: &str) -> Option<String> {
    let entry = start.metadata.iter().find(|entry| entry.key == key)?;
    Some(String::from_utf8(entry.value.to_vec()).unwrap())
}
