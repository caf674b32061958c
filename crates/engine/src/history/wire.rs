//! Walks the fields of an encoded protobuf message without decoding them.

use bytes::{Buf, Bytes};
use prost::DecodeError;
use prost::encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field};

/// The value of one field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'a> {
    /// A number, or a bool or enum.
    Varint(u64),
    /// A message, string or bytes.
    Delimited(&'a [u8]),
    /// Fixed-width numbers and groups: present, but none that matter here.
    Other(WireType),
}

/// One field of a message.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field<'a> {
    /// Number of the field.
    pub(crate) number: u32,
    /// What it holds.
    pub(crate) value: Value<'a>,
    /// The whole of it, key included.
    pub(crate) encoded: &'a [u8],
}

/// The fields of a message in order; ends after the first error.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// The fields of this message.
    pub(crate) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn read(&mut self) -> Result<Field<'a>, DecodeError> {
        let start = self.rest;
        let (number, wire_type) = decode_key(&mut self.rest)?;
        let value = self.value(number, wire_type)?;
        let encoded = &start[..start.len() - self.rest.len()];
        Ok(Field { number, value, encoded })
    }

    fn value(&mut self, number: u32, wire_type: WireType) -> Result<Value<'a>, DecodeError> {
        match wire_type {
            WireType::Varint => Ok(Value::Varint(decode_varint(&mut self.rest)?)),
            WireType::LengthDelimited => self.delimited(),
            other => {
                skip_field(other, number, &mut self.rest, DecodeContext::default())?;
                Ok(Value::Other(other))
            }
        }
    }

    fn delimited(&mut self) -> Result<Value<'a>, DecodeError> {
        let length = usize::try_from(decode_varint(&mut self.rest)?).unwrap_or(usize::MAX);
        let (value, rest) = self.rest.split_at_checked(length).ok_or_else(|| invalid("buffer underflow"))?;
        self.rest = rest;
        Ok(Value::Delimited(value))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if !self.rest.has_remaining() {
            return None;
        }
        let field = self.read();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Value<'a> {
    /// The number, of a field that must be one.
    pub(crate) fn varint(self) -> Result<u64, DecodeError> {
        match self {
            Self::Varint(value) => Ok(value),
            Self::Delimited(_) | Self::Other(_) => Err(invalid("invalid wire type: expected a varint")),
        }
    }

    /// The bytes, of a field that must be length-delimited.
    pub(crate) fn delimited(self) -> Result<&'a [u8], DecodeError> {
        match self {
            Self::Delimited(value) => Ok(value),
            Self::Varint(_) | Self::Other(_) => Err(invalid("invalid wire type: expected length-delimited bytes")),
        }
    }
}

/// Takes every occurrence of the length-delimited field `number` out of `message`: what is left, encoded, and the
/// values.
pub(crate) fn take_field(message: &Bytes, number: u32) -> Result<(Vec<u8>, Vec<Bytes>), DecodeError> {
    let mut left = Vec::new();
    let mut taken = Vec::new();
    for field in Fields::of(message) {
        let field = field?;
        if field.number == number {
            taken.push(message.slice_ref(field.value.delimited()?));
        } else {
            left.extend_from_slice(field.encoded);
        }
    }
    Ok((left, taken))
}

#[allow(deprecated, reason = "prost gives no other way to make its error, and asks generated code alone not to")]
fn invalid(reason: &'static str) -> DecodeError {
    DecodeError::new(reason)
}
