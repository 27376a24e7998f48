//! libwbxml's command-line converters, for comparison with our own codec.

use std::path::Path;

use crate::process::{self, Output};
use crate::{Availability, Error};

/// libwbxml's two programs.
#[derive(Debug, Clone, Copy)]
pub struct Libwbxml(());

impl Libwbxml {
    /// The programs whose [`Availability`] was asked for.
    pub fn new(_installed: Availability) -> Self {
        Self(())
    }

    /// A WBXML document as XML, without indentation.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when libwbxml refuses the document.
    pub fn to_xml(self, wbxml: &[u8]) -> Result<Vec<u8>, Error> {
        convert("/usr/bin/wbxml2xml", &["-m", "0"], wbxml)
    }

    /// An XML document, which must name its document type, as WBXML without a string table.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when libwbxml refuses the document.
    pub fn to_wbxml(self, xml: &[u8]) -> Result<Vec<u8>, Error> {
        convert("/usr/bin/xml2wbxml", &["-n"], xml)
    }
}

fn convert(program: &str, options: &[&str], input: &[u8]) -> Result<Vec<u8>, Error> {
    let arguments = [options, &["-o", "-", "-"]].concat();
    let output: Output = process::run(Path::new(program), &arguments, input)?;
    // The programs report some refusals in words only.
    if output.code == Some(0) && !output.stdout.is_empty() {
        return Ok(output.stdout);
    }
    Err(Error::Failed {
        program: program.to_owned(),
        code: output.code,
        output: output.stderr,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{Peer, require};

    const DOCUMENT: &str = "<?xml version=\"1.0\"?>\
        <!DOCTYPE SyncML PUBLIC \"-//SYNCML//DTD SyncML 1.1//EN\" \
        \"http://www.syncml.org/docs/syncml_represent_v11_20020213.dtd\">\
        <SyncML><SyncHdr><VerDTD>1.1</VerDTD></SyncHdr><SyncBody><Final/></SyncBody></SyncML>";

    #[test]
    fn a_document_goes_there_and_back() {
        let Some(installed) = require(Peer::Libwbxml) else {
            return;
        };
        let wbxml = Libwbxml::new(installed)
            .to_wbxml(DOCUMENT.as_bytes())
            .unwrap();
        assert_eq!(
            wbxml.get(1..3),
            Some(&[0x9f, 0x53][..]),
            "the SyncML 1.1 document type"
        );
        let xml = String::from_utf8(Libwbxml::new(installed).to_xml(&wbxml).unwrap()).unwrap();
        assert!(xml.contains("<VerDTD>1.1</VerDTD>"), "{xml}");
    }

    #[test]
    fn a_refusal_is_an_error() {
        let Some(installed) = require(Peer::Libwbxml) else {
            return;
        };
        let error = Libwbxml::new(installed).to_xml(b"\x03\x01").unwrap_err();
        assert!(matches!(error, Error::Failed { .. }), "{error}");
    }
}
