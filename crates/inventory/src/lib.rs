//! Takes the place of crates.io's `inventory` under `prost-wkt`: what is submitted is dropped, and every registry
//! is empty.
//!
//! The original runs a constructor per entry before the module's first export, and so keeps everything an entry names:
//! here the JSON form of `google.protobuf.Any`, a tenth of core.wasm, which Core never reads or writes (ADR 12).

use std::{convert::Infallible, iter::Empty, marker::PhantomData};

pub use Registry::iter;

/// A type that has a registry.
pub trait Collect: Sized + 'static {}

/// The registry of a type. The one value that there is of it is [`iter`].
#[derive(Debug)]
pub enum Registry<T> {
    /// All that was registered: nothing.
    #[allow(non_camel_case_types, reason = "the name of the original: `inventory::iter::<T>`")]
    iter,
    /// Can not be made; it says which type the registry is of.
    Never(Infallible, PhantomData<T>),
}

impl<T: Collect> IntoIterator for Registry<T> {
    type Item = &'static T;
    type IntoIter = Empty<&'static T>;

    fn into_iter(self) -> Self::IntoIter {
        std::iter::empty()
    }
}

/// Gives a type its registry.
#[macro_export]
macro_rules! collect {
    ($collected:ty) => {
        impl $crate::Collect for $collected {}
    };
}

/// Drops an entry.
#[macro_export]
macro_rules! submit {
    ($($entry:tt)*) => {};
}

#[cfg(test)]
mod tests {
    struct Plugin;

    crate::collect!(Plugin);
    crate::submit! { Plugin }

    #[test]
    fn what_was_submitted_is_not_found() {
        assert_eq!(crate::iter::<Plugin>.into_iter().count(), 0);
    }
}
