//! Values of parameters in the form of the wire, which outlive what they were made of: a statement
//! that is sent later takes them along.

use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::Statement;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};

use super::fault::Fault;
use super::pool::Params;
use crate::Refusal;

/// A value as it goes over the wire; `None` is NULL.
#[derive(Debug)]
pub(super) struct Encoded(Option<BytesMut>);

impl Encoded {
    /// The values of a statement's parameters.
    ///
    /// # Errors
    ///
    /// [`Fault::Other`] for a value that is not of its parameter's type.
    pub(super) fn all(params: Params<'_>, statement: &Statement) -> Result<Vec<Self>, Fault> {
        let pairs = params.iter().zip(statement.params());
        let encoded = pairs.map(|(value, kind)| {
            let mut bytes = BytesMut::new();
            let is_null = value
                .to_sql_checked(kind, &mut bytes)
                .map_err(|error| Fault::Other(error.to_string(), Refusal::Other))?;
            Ok(Self(match is_null {
                IsNull::Yes => None,
                IsNull::No => Some(bytes),
            }))
        });
        encoded.collect()
    }
}

impl ToSql for Encoded {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Ok(match &self.0 {
            None => IsNull::Yes,
            Some(bytes) => {
                out.extend_from_slice(bytes);
                IsNull::No
            }
        })
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}
