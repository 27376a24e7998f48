//! `syncline decode` and `syncline encode`.

use std::io::{IsTerminal as _, Read as _};

use crate::cli::Codec;
use crate::output;
use crate::report::{Failure, Outcome};

/// WBXML, or XML that is to be indented, to XML.
pub(super) fn decode(options: &Codec) -> Outcome {
    let document = read(options)?;
    let xml = syncml::transcode::to_xml(&document).map_err(|error| broken(options, &error))?;
    write(options, xml.as_bytes())
}

/// XML to WBXML.
pub(super) fn encode(options: &Codec) -> Outcome {
    if options.output.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::usage(
            "WBXML is binary and no text for a terminal; name a file with --output, or redirect",
        ));
    }
    let document = read(options)?;
    let wbxml = syncml::transcode::to_wbxml(&document).map_err(|error| broken(options, &error))?;
    write(options, &wbxml)
}

/// What messages call the input.
fn name(options: &Codec) -> String {
    match &options.file {
        Some(path) if path.as_os_str() != "-" => path.display().to_string(),
        _ => "stdin".to_owned(),
    }
}

fn broken(options: &Codec, error: &syncml::Error) -> Failure {
    Failure::input(format_args!(
        "{} is no readable document: {error}; check that it is complete",
        name(options)
    ))
}

/// Largest document taken, bytes: a message of a session is far smaller.
const LARGEST: u64 = 64 << 20;

fn read(options: &Codec) -> Outcome<Vec<u8>> {
    match options.file.as_deref() {
        Some(path) if path.as_os_str() != "-" => {
            let file = std::fs::File::open(path).map_err(|error| unreadable(options, &error))?;
            read_from(file, options)
        }
        _ => read_from(std::io::stdin(), options),
    }
}

fn read_from(input: impl std::io::Read, options: &Codec) -> Outcome<Vec<u8>> {
    let mut document = Vec::new();
    input
        .take(LARGEST + 1)
        .read_to_end(&mut document)
        .map_err(|error| unreadable(options, &error))?;
    if document.len() as u64 > LARGEST {
        return Err(Failure::input(format_args!(
            "{} has more than {} MiB; give one document",
            name(options),
            LARGEST >> 20
        )));
    }
    Ok(document)
}

fn unreadable(options: &Codec, error: &std::io::Error) -> Failure {
    Failure::usage(format_args!(
        "{} cannot be read: {error}; check the path",
        name(options)
    ))
}

fn write(options: &Codec, document: &[u8]) -> Outcome {
    let Some(path) = options.output.as_deref() else {
        return output::bytes(document);
    };
    std::fs::write(path, document).map_err(|error| {
        Failure::input(format_args!(
            "{} cannot be written: {error}; check the path",
            path.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endless_document_is_refused() {
        let options = Codec {
            file: None,
            output: None,
        };
        let failure = read_from(std::io::repeat(b'x'), &options).map(|read| read.len());
        let text = format!("{failure:?}");
        assert!(text.contains("stdin has more than 64 MiB"), "{text}");
        let whole = read_from(std::io::repeat(b'x').take(LARGEST), &options);
        assert!(whole.is_ok_and(|read| read.len() as u64 == LARGEST));
    }
}
