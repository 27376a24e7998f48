//! The codec beside libwbxml: processor time of one message, read and written.
//!
//! libwbxml turns binary XML into XML and back, so the like of it is `syncml::transcode`. Our
//! server does not take that way: it reads a document into a typed message and writes one from
//! commands, which is compared as well, as the work that either does for a server.

use std::hint::black_box;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use syncml::devinf::{Capability, ContentType, DataStore, DevInf, Parameter, Property};
use syncml::{
    Access, AccessKind, Change, ChangeKind, Command, Data, Document, Encoding, Header, Item,
    Limits, Location, Message, MessageWriter, Meta, Status, Sync, Version, transcode,
};
use testkit::items::{self, Kind};

use crate::Outcome;
use crate::libwbxml::{Libwbxml, Way};
use crate::report::{Target, heading, row, say};

const VERSION: Version = Version::V1_2;

/// Runs of which the best counts.
const RUNS: usize = 5;

/// Bytes that one run converts, about.
const RUN_BYTES: usize = 4_000_000;

/// How much faster than libwbxml the codec has to be.
const WANTED: f64 = 3.0;

/// XML that names its document type, without which libwbxml does not know the vocabulary.
const DOCTYPE: &str = "<!DOCTYPE SyncML PUBLIC \"-//SYNCML//DTD SyncML 1.2//EN\" \
    \"http://www.openmobilealliance.org/tech/DTD/OMA-TS-SyncML_RepPro_DTD-V1_2.dtd\">";

/// Measures three messages in all directions.
pub(crate) fn run() -> Outcome<()> {
    let peer = Libwbxml::build()?;
    if peer.is_none() {
        say("");
        say("libwbxml is not compared: install gcc libc6-dev libwbxml2-dev");
    }
    let messages = [
        ("100 contacts", contacts()),
        ("device information", device_information()),
        ("500 statuses", statuses()),
    ];
    for (name, commands) in &messages {
        let binary = write(Encoding::Wbxml, commands);
        let xml = with_doctype(write(Encoding::Xml, commands))?;
        heading(&format!(
            "Codec, {name}: {} bytes as WBXML, {} as XML; µs of CPU, the best of {RUNS} runs",
            binary.len(),
            xml.len()
        ));
        measure(peer.as_ref(), &binary, &xml)?;
    }
    Ok(())
}

fn measure(peer: Option<&Libwbxml>, binary: &[u8], xml: &[u8]) -> Outcome<()> {
    // what is measured has to be right first
    transcode::to_xml(binary)?;
    transcode::to_wbxml(xml)?;
    let document = Document::new(binary, None)?;
    let message = document.read(&Limits::default())?;
    Document::new(xml, None)?.read(&Limits::default())?;

    let rounds = (RUN_BYTES / binary.len()).max(10);
    let decoded = peer
        .map(|peer| peer.time(Way::ToXml, binary, rounds))
        .transpose()?;
    let encoded = peer
        .map(|peer| peer.time(Way::ToWbxml, xml, rounds))
        .transpose()?;
    if let Some(decoded) = decoded {
        row("WBXML to XML, libwbxml", &micros(decoded), Target::none());
    }
    compare(
        "WBXML to XML, ours (indented)",
        time(rounds, || {
            transcode::to_xml(black_box(binary)).map(|xml| xml.len())
        }),
        decoded,
    );
    compare(
        "WBXML to a typed message, ours",
        time(rounds, || read(black_box(binary))),
        decoded,
    );
    if let Some(encoded) = encoded {
        row("XML to WBXML, libwbxml", &micros(encoded), Target::none());
    }
    compare(
        "XML to WBXML, ours",
        time(rounds, || {
            transcode::to_wbxml(black_box(xml)).map(|binary| binary.len())
        }),
        encoded,
    );
    compare(
        "typed message to WBXML, ours",
        time(rounds, || rewrite(Encoding::Wbxml, black_box(&message))),
        encoded,
    );
    compare(
        "XML to a typed message, ours",
        time(rounds, || read(black_box(xml))),
        None,
    );
    compare(
        "typed message to XML, ours",
        time(rounds, || rewrite(Encoding::Xml, black_box(&message))),
        None,
    );
    Ok(())
}

/// A line of ours, and beneath it how many times faster than the peer that is.
fn compare(what: &str, ours: Duration, peers: Option<Duration>) {
    row(what, &micros(ours), Target::none());
    if let Some(peers) = peers {
        let ratio = peers.as_secs_f64() / ours.as_secs_f64();
        row(
            "  times libwbxml's speed",
            &format!("{ratio:.1}"),
            Target::at_least(ratio, WANTED),
        );
    }
}

/// Processor time of one call, the best of [`RUNS`] runs of `rounds` calls.
pub(crate) fn time<R>(rounds: usize, work: impl Fn() -> R) -> Duration {
    let run = || {
        let begun = cpu();
        for _ in 0..rounds {
            black_box(work());
        }
        cpu().saturating_sub(begun)
    };
    let best = (0..RUNS).map(|_| run()).min().unwrap_or_default();
    best.div_f64(rounds as f64)
}

/// Processor time of this thread.
fn cpu() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    // the clock counts from the thread's start: nothing here is negative
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn micros(duration: Duration) -> String {
    format!("{:.1}", duration.as_secs_f64() * 1e6)
}

fn read(bytes: &[u8]) -> Result<usize, syncml::Error> {
    let document = Document::new(bytes, None)?;
    let message = document.read(&Limits::default())?;
    Ok(message.commands.len())
}

fn rewrite(encoding: Encoding, message: &Message<'_>) -> usize {
    let mut writer = MessageWriter::new(encoding, VERSION, &message.header);
    for command in &message.commands {
        writer.command(command);
    }
    writer.finish(message.is_final).len()
}

fn write(encoding: Encoding, commands: &[Command<'_>]) -> Vec<u8> {
    let header = Header {
        ver_dtd: VERSION.dtd().into(),
        ver_proto: VERSION.proto().into(),
        session_id: "17".into(),
        msg_id: "2".into(),
        target: Location::new("http://server.example:8080/syncml"),
        source: Location::new("IMEI:490154203237518"),
        meta: Some(Meta {
            max_msg_size: Some(150_000),
            ..Meta::default()
        }),
        ..Header::default()
    };
    let mut writer = MessageWriter::new(encoding, VERSION, &header);
    for command in commands {
        writer.command(command);
    }
    writer.finish(true)
}

/// The document type goes behind the XML declaration.
fn with_doctype(xml: Vec<u8>) -> Outcome<Vec<u8>> {
    let xml = String::from_utf8(xml)?;
    let (declaration, rest) = xml
        .split_once("?>")
        .ok_or("a message as XML has no declaration")?;
    Ok(format!("{declaration}?>{DOCTYPE}{rest}").into_bytes())
}

fn status(number: u32, cmd: &'static str, source: String) -> Command<'static> {
    Command::Status(Status {
        cmd_id: number.to_string().into(),
        msg_ref: "1".into(),
        cmd_ref: number.to_string().into(),
        cmd: cmd.into(),
        source_refs: vec![source.into()],
        data: "200".into(),
        ..Status::default()
    })
}

/// A client's changes in a slow sync, package 3.
fn contacts() -> Vec<Command<'static>> {
    let changes = (1..=100).map(|number: u32| {
        let item = Item {
            source: Some(Location::new(number.to_string())),
            data: Some(Data::Bytes(items::item(Kind::Contact, number, 0).into())),
            ..Item::default()
        };
        let mut change = Change::new(ChangeKind::Replace, (number + 2).to_string(), item);
        change.meta = Some(Meta::of_type(Kind::Contact.media_type()));
        Command::Change(change)
    });
    vec![
        status(1, "SyncHdr", "http://server.example:8080/syncml".to_owned()),
        Command::Sync(Sync {
            cmd_id: "2".into(),
            target: Some(Location::new("contacts")),
            source: Some(Location::new("./contacts")),
            number_of_changes: Some(100),
            commands: changes.collect(),
            ..Sync::default()
        }),
    ]
}

/// A server's answer to many changes, package 4.
fn statuses() -> Vec<Command<'static>> {
    (1..=500)
        .map(|number| status(number, "Replace", number.to_string()))
        .collect()
}

/// What a telling phone says of itself, package 1.
fn device_information() -> Vec<Command<'static>> {
    let types = [("text/x-vcard", "2.1"), ("text/vcard", "3.0")];
    let content_types = types.map(|(media_type, version)| ContentType {
        media_type: media_type.to_owned(),
        version: version.to_owned(),
    });
    let names = [
        "BEGIN",
        "END",
        "VERSION",
        "N",
        "FN",
        "NICKNAME",
        "PHOTO",
        "BDAY",
        "ADR",
        "LABEL",
        "TEL",
        "EMAIL",
        "TITLE",
        "ROLE",
        "ORG",
        "NOTE",
        "URL",
        "UID",
        "REV",
        "CATEGORIES",
    ];
    let properties = names.map(|name| Property {
        name: name.to_owned(),
        data_type: Some("chr".to_owned()),
        max_occur: Some(4),
        max_size: Some(256),
        parameters: vec![Parameter {
            name: "TYPE".to_owned(),
            values: ["HOME", "WORK", "CELL", "PREF"].map(str::to_owned).to_vec(),
            ..Parameter::default()
        }],
        ..Property::default()
    });
    let capabilities = content_types.iter().map(|content_type| Capability {
        media_type: content_type.media_type.clone(),
        version: content_type.version.clone(),
        properties: properties.to_vec(),
        ..Capability::default()
    });
    let [preferred, other] = content_types.clone();
    let datastore = DataStore {
        source_ref: "./contacts".to_owned(),
        display_name: Some("Contacts".to_owned()),
        max_guid_size: Some(64),
        rx_pref: Some(preferred.clone()),
        rx: vec![other.clone()],
        tx_pref: Some(preferred),
        tx: vec![other],
        capabilities: capabilities.collect(),
        sync_types: (1..=7).collect(),
        ..DataStore::default()
    };
    let devinf = DevInf {
        version: Some(VERSION),
        man: Some("Example".to_owned()),
        model: Some("Phone 3".to_owned()),
        software: Some("1.4".to_owned()),
        dev_id: "IMEI:490154203237518".to_owned(),
        dev_type: "phone".to_owned(),
        utc: true,
        large_objects: true,
        number_of_changes: true,
        datastores: vec![datastore],
        ..DevInf::default()
    };
    vec![Command::Access(Access {
        kind: AccessKind::Put,
        cmd_id: "1".into(),
        no_resp: false,
        lang: None,
        cred: None,
        meta: Some(Meta::of_type("application/vnd.syncml-devinf+wbxml")),
        items: vec![Item {
            source: Some(Location::new(VERSION.devinf_uri())),
            data: Some(Data::DevInf(Box::new(devinf))),
            ..Item::default()
        }],
    })]
}
