//! libwbxml, timed by a small C program over the same documents.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::Outcome;

const SOURCE: &str = include_str!("../peers/libwbxml.c");

/// Which way a document goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    ToXml,
    ToWbxml,
}

/// The C program, built.
#[derive(Debug)]
pub(crate) struct Libwbxml {
    folder: TempDir,
}

impl Libwbxml {
    /// Builds it; `None` where there is no C compiler or no libwbxml to build it with.
    pub(crate) fn build() -> Outcome<Option<Self>> {
        let folder = tempfile::tempdir()?;
        let source = folder.path().join("driver.c");
        fs::write(&source, SOURCE)?;
        let built = Self { folder };
        let status = Command::new("cc")
            .args(["-O2", "-o"])
            .arg(built.program())
            .arg(&source)
            .args(["-I/usr/include/libwbxml-1.0", "-lwbxml2", "-lexpat"])
            .stderr(Stdio::null())
            .status();
        Ok(status.is_ok_and(|status| status.success()).then_some(built))
    }

    fn program(&self) -> PathBuf {
        self.folder.path().join("driver")
    }

    /// Processor time of one conversion, the best of five runs of `rounds` conversions.
    pub(crate) fn time(&self, way: Way, document: &[u8], rounds: usize) -> Outcome<Duration> {
        let input = self.folder.path().join("document");
        fs::write(&input, document)?;
        let way = match way {
            Way::ToXml => "wbxml2xml",
            Way::ToWbxml => "xml2wbxml",
        };
        let output = Command::new(self.program())
            .arg(way)
            .arg(&input)
            .arg(rounds.to_string())
            .output()?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let nanoseconds = printed.trim().parse().map_err(|_| {
            let said = String::from_utf8_lossy(&output.stderr);
            format!("libwbxml's {way} failed: {}", said.trim())
        })?;
        Ok(Duration::from_nanos(nanoseconds))
    }
}
