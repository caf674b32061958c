//! The clients of the host's users, by handle.

use std::{cell::RefCell, rc::Rc};

use bytes::Bytes;
use corewasm_client::{ConnectError, Connection, RetryOptions};
use corewasm_host::{
    HandleTable, Host, HostRef, InputError, entries,
    envelope::{CallError, ClientCall, ClientConnect, ClientUpdateApiKey, ClientUpdateHeaders},
};

/// Clones are the same clients.
#[derive(Clone)]
pub(crate) struct Clients {
    host: Host,
    open: Rc<RefCell<HandleTable<Connection>>>,
}

impl Clients {
    pub(crate) fn new(host: Host) -> Self {
        Self { host, open: Rc::default() }
    }

    /// Opens a client. A connection that can not be made is closed again before its call is resolved.
    pub(crate) fn connect(&self, connect: ClientConnect) -> Result<(), InputError> {
        let handle = self.check_free(connect.client)?;
        let config = connect.config.ok_or_else(|| InputError::malformed("ClientConnect has no config"))?;
        let retry = config.retry.map_or_else(RetryOptions::default, Into::into);
        let connection = match Connection::new(&self.host, handle, config.into(), retry) {
            Ok(connection) => connection,
            Err(invalid) => {
                self.host.client_closed(handle);
                self.host.resolve(connect.call, Err(failed(&ConnectError::from(invalid))));
                return Ok(());
            }
        };
        self.open.borrow_mut().insert(connect.client, connection.clone()).map_err(client_error)?;
        if connect.adopt {
            self.host.resolve(connect.call, Ok(Bytes::new()));
            self.host.spawn(async move { connection.reconnect().await }).detach();
        } else {
            self.begin_connecting(connect.call, connection);
        }
        Ok(())
    }

    fn begin_connecting(&self, call: u64, connection: Connection) {
        let unless_connected = CloseOnDrop { clients: self.clone(), client: Some(connection.handle().raw()) };
        self.host.spawn_call(call, async move {
            connection.connect().await.map_err(|error| failed(&error))?;
            unless_connected.keep_open();
            Ok(Bytes::new())
        });
    }

    pub(crate) fn update_headers(&self, update: ClientUpdateHeaders) -> Result<(), InputError> {
        let connection = self.get(update.client)?;
        connection
            .update_headers(entries::texts(update.headers), entries::metadata(update.binary_headers))
            .map_err(|invalid| InputError::malformed(invalid.to_string()))
    }

    pub(crate) fn update_api_key(&self, update: ClientUpdateApiKey) -> Result<(), InputError> {
        self.get(update.client)?.update_api_key(update.api_key);
        Ok(())
    }

    /// Workers that use the connection keep it until they are gone; the host is told when the last one is.
    pub(crate) fn close(&self, client: u32) -> Result<(), InputError> {
        let connection = self.open.borrow_mut().remove(client).map_err(client_error)?;
        drop(connection);
        Ok(())
    }

    pub(crate) fn call(&self, call: ClientCall) -> Result<(), InputError> {
        let connection = self.get(call.client)?;
        self.host.spawn_call(call.call, async move { connection.user_call(call).await });
        Ok(())
    }

    /// The open client of this handle.
    pub(crate) fn get(&self, client: u32) -> Result<Connection, InputError> {
        self.open.borrow().get(client).cloned().map_err(client_error)
    }

    fn check_free(&self, client: u32) -> Result<HostRef, InputError> {
        self.open.borrow().check_free(client).map_err(client_error)
    }
}

/// Closes a client whose connect failed or was cancelled.
struct CloseOnDrop {
    clients: Clients,
    client: Option<u32>,
}

impl CloseOnDrop {
    fn keep_open(mut self) {
        self.client = None;
    }
}

impl Drop for CloseOnDrop {
    fn drop(&mut self) {
        if let Some(client) = self.client {
            // The user may have closed it in the meantime.
            let _ = self.clients.close(client);
        }
    }
}

fn client_error(error: corewasm_host::HandleError) -> InputError {
    InputError::handle("client", error)
}

fn failed(error: &ConnectError) -> CallError {
    CallError::runtime(format!("Failed client connect: {error}"))
}
