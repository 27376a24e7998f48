//! `syncline decode` and `syncline encode`.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use crate::cli::Codec;
use crate::output;
use crate::report::{Failure, Outcome};

/// WBXML, or XML that is to be indented, to XML.
pub(super) fn decode(options: &Codec) -> Outcome {
    let document = read(options.file.as_deref())?;
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
    let document = read(options.file.as_deref())?;
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

fn read(file: Option<&Path>) -> Outcome<Vec<u8>> {
    if let Some(path) = file.filter(|path| path.as_os_str() != "-") {
        return std::fs::read(path).map_err(|error| {
            Failure::usage(format_args!(
                "{} cannot be read: {error}; check the path",
                path.display()
            ))
        });
    }
    let mut document = Vec::new();
    std::io::stdin()
        .read_to_end(&mut document)
        .map_err(|error| Failure::usage(format_args!("stdin cannot be read: {error}")))?;
    Ok(document)
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
