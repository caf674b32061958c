//! Handles that the host makes: an index and a generation in one u32, so that a stale one is recognised.

use litemap::LiteMap;

const INDEX_BITS: u32 = 20;

/// The name of something that the host and Core both know: a client or a worker. Never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostRef(u32);

impl HostRef {
    /// The handle of this number; none for 0, which means "no handle".
    pub const fn new(raw: u32) -> Option<Self> {
        if raw == 0 { None } else { Some(Self(raw)) }
    }

    /// A handle of an index (low 20 bits) and a generation (high 12 bits); none if both are 0.
    pub const fn from_parts(index: u32, generation: u32) -> Option<Self> {
        Self::new((generation << INDEX_BITS) | (index & ((1 << INDEX_BITS) - 1)))
    }

    /// The number that crosses the boundary.
    pub const fn raw(self) -> u32 {
        self.0
    }

    const fn index(self) -> u32 {
        self.0 & ((1 << INDEX_BITS) - 1)
    }

    const fn generation(self) -> u32 {
        self.0 >> INDEX_BITS
    }
}

/// Why a handle can not be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HandleError {
    /// 0 is not a handle.
    #[error("0 is not a handle")]
    Zero,
    /// No such handle was ever opened.
    #[error("handle {0} is not open")]
    Unknown(u32),
    /// The handle was closed; its index may be in use under another generation.
    #[error("handle {0} is closed")]
    Stale(u32),
    /// The handle, or its index, is in use.
    #[error("handle {0} is open already")]
    InUse(u32),
}

/// What stands under each open handle of one kind. Indexes are the host's choice, so they may have gaps.
#[derive(Debug)]
pub struct HandleTable<T> {
    rows: LiteMap<u32, Row<T>>,
}

#[derive(Debug)]
struct Row<T> {
    generation: u32,
    value: Option<T>,
}

impl<T> Default for HandleTable<T> {
    fn default() -> Self {
        Self { rows: LiteMap::new() }
    }
}

impl<T> HandleTable<T> {
    /// Puts `value` under `raw`, which must be new: not 0, not open and not the last one closed at its index.
    pub fn insert(&mut self, raw: u32, value: T) -> Result<HostRef, HandleError> {
        let handle = self.check_free(raw)?;
        self.rows.insert(handle.index(), Row { generation: handle.generation(), value: Some(value) });
        Ok(handle)
    }

    /// Whether [`Self::insert`] would take this handle.
    pub fn check_free(&self, raw: u32) -> Result<HostRef, HandleError> {
        let handle = HostRef::new(raw).ok_or(HandleError::Zero)?;
        match self.rows.get(&handle.index()) {
            Some(row) if row.value.is_some() => Err(HandleError::InUse(raw)),
            Some(row) if row.generation == handle.generation() => Err(HandleError::Stale(raw)),
            _ => Ok(handle),
        }
    }

    /// Takes out what stands under `raw`; the handle is stale from then on.
    pub fn remove(&mut self, raw: u32) -> Result<T, HandleError> {
        let handle = HostRef::new(raw).ok_or(HandleError::Zero)?;
        let row = self.rows.get_mut(&handle.index()).ok_or(HandleError::Unknown(raw))?;
        if row.generation != handle.generation() {
            return Err(HandleError::Stale(raw));
        }
        row.value.take().ok_or(HandleError::Stale(raw))
    }

    /// What stands under `raw`.
    pub fn get(&self, raw: u32) -> Result<&T, HandleError> {
        let handle = HostRef::new(raw).ok_or(HandleError::Zero)?;
        match self.rows.get(&handle.index()) {
            Some(Row { generation, value: Some(value) }) if *generation == handle.generation() => Ok(value),
            Some(_) => Err(HandleError::Stale(raw)),
            None => Err(HandleError::Unknown(raw)),
        }
    }

    /// All that is open, in the order of their indexes.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        self.rows.values().filter_map(|row| row.value.as_ref())
    }
}
