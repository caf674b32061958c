//! What is known of one client of a user, and connecting it (spec 10.1).

use std::{
    any::Any,
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
};

use bytes::Bytes;
use corewasm_host::{GrpcClientConfig, GrpcClientRef, GrpcStatus, Host, HostRef, Metadata, code};
use litemap::LiteMap;
use prost::Message;
use serde_json::json;
use temporalio_protos::temporal::api::workflowservice::v1::{
    GetSystemInfoRequest, GetSystemInfoResponse, get_system_info_response::Capabilities,
};

use crate::{
    CallOptions, InvalidHeader, PayloadErrorLimits, Retry, RetryOptions, Rpc, RpcError,
    eager::EagerStarter,
    headers::{UserHeaders, is_ascii_value},
    metrics::RequestMetrics,
    payload_limits::{self, WarnSizes},
    retry::describe,
    shape::RequestShape,
};

const LOG_TARGET: &str = "temporalio_client";

/// Why a connection could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// A header can not be sent.
    #[error("Invalid headers: {0}")]
    InvalidHeaders(#[from] InvalidHeader),
    /// The server was not reached.
    #[error("Server connection error: {message}", message = .0.message)]
    Transport(GrpcStatus),
    /// The server did not say what it can do.
    #[error("`get_system_info` call error after connection: {description}", description = describe(.0))]
    SystemInfo(GrpcStatus),
}

impl From<GrpcStatus> for ConnectError {
    fn from(status: GrpcStatus) -> Self {
        if status.transport { Self::Transport(status) } else { Self::SystemInfo(status) }
    }
}

/// One client of a user. Clones share everything. When the last one is dropped, the host is told.
#[derive(Clone)]
pub struct Connection(Rc<Shared>);

struct Shared {
    host: Host,
    handle: HostRef,
    grpc: GrpcClientRef,
    client_name: String,
    client_version: String,
    identity: String,
    skip_get_system_info: bool,
    retry: RetryOptions,
    warn_sizes: WarnSizes,
    worker_grouping_key: String,
    metrics: RequestMetrics,
    gzip: Cell<bool>,
    headers: RefCell<UserHeaders>,
    api_key: RefCell<Option<String>>,
    capabilities: Cell<Option<Capabilities>>,
    eager_starter: RefCell<Option<Weak<dyn EagerStarter>>>,
    extensions: RefCell<Vec<Rc<dyn Any>>>,
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.host.client_closed(self.handle);
    }
}

impl Connection {
    /// A connection over the host's client of this handle. Nothing is sent yet.
    pub fn new(
        host: &Host,
        handle: HostRef,
        config: GrpcClientConfig,
        retry: RetryOptions,
    ) -> Result<Self, InvalidHeader> {
        let headers = UserHeaders::parse(config.headers, config.binary_headers)?;
        Ok(Self(Rc::new(Shared {
            host: host.clone(),
            handle,
            grpc: host.grpc_client(handle),
            client_name: config.client_name,
            client_version: config.client_version,
            identity: config.identity,
            skip_get_system_info: config.skip_get_system_info,
            retry,
            warn_sizes: WarnSizes { payloads: config.payloads_warn_size, memo: config.memo_warn_size },
            worker_grouping_key: host.uuid_v4(),
            metrics: RequestMetrics::new(host, !config.disable_error_code_metric_tags),
            gzip: Cell::new(config.gzip),
            headers: RefCell::new(headers),
            api_key: RefCell::new(config.api_key),
            capabilities: Cell::new(None),
            eager_starter: RefCell::new(None),
            extensions: RefCell::new(Vec::new()),
        })))
    }

    /// Asks the server what it can do (spec 10.1.6). A server that refuses compressed messages is asked once more
    /// without.
    pub async fn connect(&self) -> Result<(), ConnectError> {
        if self.0.skip_get_system_info {
            return Ok(());
        }
        let first = self.learn_capabilities(Retry::Off).await;
        if self.gzip() && first.as_ref().is_err_and(|error| refuses_compression(&error.status)) {
            self.0.gzip.set(false);
            return self.learn_capabilities(Retry::Off).await.map_err(|error| error.status.into());
        }
        first.map_err(|error| error.status.into())
    }

    /// As [`Self::connect`], for a connection that is known to be good: asks until the server answers.
    pub async fn reconnect(&self) {
        if let Err(error) = self.learn_capabilities(Retry::Policy(RetryOptions::task_poll())).await {
            let text = format!("The server's capabilities stay unknown: {error}");
            self.0.host.warn(LOG_TARGET, text, &[("client", json!(self.0.handle.raw()))]);
        }
    }

    async fn learn_capabilities(&self, retry: Retry) -> Result<(), RpcError> {
        let request = GetSystemInfoRequest::default().encode_to_vec().into();
        let options = CallOptions { retry, no_retry_on: Some(lacks_system_info), ..CallOptions::default() };
        match self.call_raw(Rpc::workflow_service("GetSystemInfo"), request, options).await {
            Ok(response) => {
                self.0.capabilities.set(decode::<GetSystemInfoResponse>(&response.body)?.capabilities);
                Ok(())
            }
            Err(error) if lacks_system_info(&error.status) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Replaces all headers of the user. If one of them is invalid, all stay as they were.
    pub fn update_headers(
        &self,
        ascii: LiteMap<String, String>,
        binary: LiteMap<String, Bytes>,
    ) -> Result<(), InvalidHeader> {
        self.0.headers.replace(UserHeaders::parse(ascii, binary)?);
        Ok(())
    }

    /// Replaces the API key; none removes the authorization header.
    pub fn update_api_key(&self, api_key: Option<String>) {
        self.0.api_key.replace(api_key);
    }

    /// What the server said it can do; nothing before [`Self::connect`] or if it did not say.
    pub fn capabilities(&self) -> Capabilities {
        self.0.capabilities.get().unwrap_or_default()
    }

    /// The handle of the host's client.
    pub fn handle(&self) -> HostRef {
        self.0.handle
    }

    /// As the user configured it.
    pub fn identity(&self) -> &str {
        &self.0.identity
    }

    /// The SDK's name, e.g. "temporal-python".
    pub fn client_name(&self) -> &str {
        &self.0.client_name
    }

    /// The SDK's version.
    pub fn client_version(&self) -> &str {
        &self.0.client_version
    }

    /// Under which the server groups the workers of this connection: a UUID.
    pub fn worker_grouping_key(&self) -> &str {
        &self.0.worker_grouping_key
    }

    /// Who may take the first task of a started workflow along (spec 10.9). Held weakly; the last one set counts.
    pub fn set_eager_starter(&self, starter: &Rc<dyn EagerStarter>) {
        self.0.eager_starter.replace(Some(Rc::downgrade(starter)));
    }

    /// Something that the workers of this connection share, made when it is first asked for. One per type; it lives as
    /// long as the connection and must not hold a clone of it.
    pub fn extension<T: 'static>(&self, make: impl FnOnce() -> T) -> Rc<T> {
        let known = self.0.extensions.borrow().iter().find_map(|extension| Rc::clone(extension).downcast::<T>().ok());
        known.unwrap_or_else(|| {
            let extension = Rc::new(make());
            self.0.extensions.borrow_mut().push(Rc::clone(&extension) as Rc<dyn Any>);
            extension
        })
    }

    /// Whether both are the same connection.
    pub fn is_same(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }

    /// Everything with side effects.
    pub fn host(&self) -> &Host {
        &self.0.host
    }
}

/// What a call needs of its connection.
impl Connection {
    pub(crate) fn grpc(&self) -> &GrpcClientRef {
        &self.0.grpc
    }

    pub(crate) fn gzip(&self) -> bool {
        self.0.gzip.get()
    }

    pub(crate) fn metrics(&self) -> &RequestMetrics {
        &self.0.metrics
    }

    pub(crate) fn retry_options(&self) -> RetryOptions {
        self.0.retry
    }

    pub(crate) fn eager_starter(&self) -> Option<Rc<dyn EagerStarter>> {
        self.0.eager_starter.borrow().as_ref()?.upgrade()
    }

    pub(crate) fn check_payloads(
        &self,
        shape: &RequestShape,
        body: &[u8],
        errors: PayloadErrorLimits,
    ) -> Result<(), RpcError> {
        Ok(payload_limits::check(&self.0.host, shape, body, self.0.warn_sizes, errors)?)
    }

    /// Adds what the call does not bring itself (spec 10.1.3).
    pub(crate) fn add_headers(&self, metadata: &mut Metadata) {
        metadata.insert_absent("client-name", sendable(&self.0.client_name));
        metadata.insert_absent("client-version", sendable(&self.0.client_version));
        self.0.headers.borrow().add_to(metadata);
        let bearer = self.0.api_key.borrow().as_ref().map(|key| format!("Bearer {key}"));
        if let Some(bearer) = bearer.filter(|bearer| is_ascii_value(bearer)) {
            metadata.insert_absent("authorization", bearer);
        }
    }

    pub(crate) fn namespace_header(&self, namespace: String) -> String {
        if is_ascii_value(&namespace) {
            return namespace;
        }
        self.0.host.warn(LOG_TARGET, "Unable to parse namespace for header", &[("namespace", json!(namespace))]);
        String::new()
    }
}

/// The text, or an empty one if no header can hold it.
fn sendable(text: &str) -> String {
    if is_ascii_value(text) { text.to_owned() } else { String::new() }
}

/// A response, or the status that says it does not decode.
pub(crate) fn decode<M: Message + Default>(body: &[u8]) -> Result<M, RpcError> {
    M::decode(body).map_err(|error| GrpcStatus::new(code::INTERNAL, error.to_string()).into())
}

/// Whether the server is one without GetSystemInfo.
fn lacks_system_info(status: &GrpcStatus) -> bool {
    let text = status.message.to_lowercase();
    let names_method = text.contains("getsysteminfo");
    status.code == code::UNIMPLEMENTED
        && (["unknown method", "unknown service", "method not found"].iter().any(|part| text.contains(part))
            || (names_method && (text.contains("is unimplemented") || text.contains("not implement"))))
}

fn refuses_compression(status: &GrpcStatus) -> bool {
    let text = status.message.to_lowercase();
    status.code == code::UNIMPLEMENTED
        && ["decompress", "grpc-encoding", "compressor"].iter().any(|part| text.contains(part))
}
