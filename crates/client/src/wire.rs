//! Reading single fields out of encoded messages, without decoding the rest.

use prost::{
    DecodeError,
    encoding::{WireType, decode_key, decode_varint},
};

/// A field's value as far as its wire type tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// The fields of a message in their order. Ends after the first that does not decode.
pub(crate) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(crate) const fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn read(&mut self) -> Result<(u32, Value<'a>), DecodeError> {
        let (field, wire_type) = decode_key(&mut self.rest)?;
        let value = match wire_type {
            WireType::Varint => Value::Varint(decode_varint(&mut self.rest)?),
            WireType::LengthDelimited => {
                let length = decode_varint(&mut self.rest)?;
                Value::Bytes(self.split(length)?)
            }
            WireType::SixtyFourBit => self.split(8).map(|_| Value::Fixed)?,
            WireType::ThirtyTwoBit => self.split(4).map(|_| Value::Fixed)?,
            // Groups are long gone from the language; no message of Temporal's has one.
            WireType::StartGroup | WireType::EndGroup => return Err(malformed()),
        };
        Ok((field, value))
    }

    fn split(&mut self, length: u64) -> Result<&'a [u8], DecodeError> {
        let length = usize::try_from(length).map_err(|_| malformed())?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(malformed)?;
        self.rest = rest;
        Ok(taken)
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u32, Value<'a>), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = &[];
        }
        Some(read)
    }
}

fn malformed() -> DecodeError {
    // The public way to a DecodeError: an empty buffer holds no varint.
    decode_varint(&mut [].as_slice()).expect_err("an empty buffer has no varint")
}

/// Whether the message's own fields decode; what lies in nested messages is not looked at.
pub(crate) fn check(message: &[u8]) -> Result<(), DecodeError> {
    Fields::of(message).try_for_each(|field| field.map(drop))
}

/// The last value of a field, which is the one that counts.
fn last<'a>(message: &'a [u8], field: u32) -> Option<Value<'a>> {
    Fields::of(message).flatten().filter(|(number, _)| *number == field).last().map(|(_, value)| value)
}

pub(crate) fn varint(message: &[u8], field: u32) -> Option<u64> {
    if let Some(Value::Varint(value)) = last(message, field) { Some(value) } else { None }
}

/// The bytes, string or message in a field, if there is one.
pub fn bytes(message: &[u8], field: u32) -> Option<&[u8]> {
    if let Some(Value::Bytes(bytes)) = last(message, field) { Some(bytes) } else { None }
}

/// The message without a field. It must have passed [`check`].
pub(crate) fn without(message: &[u8], field: u32) -> Vec<u8> {
    let mut kept = Vec::with_capacity(message.len());
    let (mut fields, mut rest) = (Fields::of(message), message);
    while let Some(Ok((number, _))) = fields.next() {
        let (read, behind) = rest.split_at(rest.len() - fields.rest.len());
        if number != field {
            kept.extend_from_slice(read);
        }
        rest = behind;
    }
    kept
}

/// The values of a repeated field, in their order.
pub fn all_bytes(message: &[u8], field: u32) -> impl Iterator<Item = &[u8]> {
    Fields::of(message).flatten().filter_map(move |(number, value)| match value {
        Value::Bytes(bytes) if number == field => Some(bytes),
        _ => None,
    })
}

pub(crate) fn text(message: &[u8], field: u32) -> Option<String> {
    bytes(message, field).map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}
