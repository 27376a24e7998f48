//! How messages and device information are read, requirement by requirement.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{read_outline, sample};
use syncml::transcode::to_wbxml;
use syncml::{Command, Data, DevInf, Document, Limits};

const PLAIN: &str = "<SyncML xmlns='SYNCML:SYNCML1.2'><SyncHdr><VerDTD>1.2</VerDTD>\
    <VerProto>SyncML/1.2</VerProto><SessionID>1</SessionID><MsgID>1</MsgID>\
    <Target><LocURI>s</LocURI></Target><Source><LocURI>c</LocURI></Source></SyncHdr><SyncBody>\
    <Add><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>text/plain</Type></Meta>\
    <Item><Data>a &amp; b</Data></Item></Add><Final/></SyncBody></SyncML>";

fn says_the_same(text: &str) {
    let plain = read_outline(PLAIN.as_bytes()).unwrap();
    assert_eq!(read_outline(text.as_bytes()).unwrap(), plain, "{text}");
}

// spec: A04
#[test]
fn namespaces_are_read_in_any_spelling() {
    says_the_same(&PLAIN.replace("SYNCML:SYNCML1.2", "syncml:syncml1.2"));
    says_the_same(&PLAIN.replace(" xmlns='syncml:metinf'", ""));
    says_the_same(&PLAIN.replace("syncml:metinf", "SYNCML:METINF"));
    let prefixed = PLAIN
        .replace("</", "</x:")
        .replace('<', "<x:")
        .replace("<x:/x:", "</x:")
        .replace("xmlns='SYNCML", "xmlns:x='SYNCML");
    says_the_same(&prefixed);
}

// spec: A17
#[test]
fn unknown_elements_are_skipped_with_all_in_them() {
    says_the_same(&PLAIN.replace(
        "<CmdID>2",
        "<Odd a='1'><CmdID>9</CmdID><Even/></Odd><CmdID>2",
    ));
    says_the_same(&PLAIN.replace("<MsgID>", "<Odd>x</Odd><MsgID>"));
}

// spec: A23
#[test]
fn escapes_and_sections_have_the_same_content() {
    for form in [
        "<![CDATA[a & b]]>",
        "a <![CDATA[&]]> b",
        "a &#38; b",
        "a &#x26; b",
    ] {
        says_the_same(&PLAIN.replace("a &amp; b", form));
    }
}

// spec: A26
#[test]
fn what_stands_around_elements_does_no_harm() {
    let document_type = "<!DOCTYPE SyncML PUBLIC '-//SYNCML//DTD SyncML 1.2//EN' 'x.dtd'>";
    says_the_same(&format!(
        "<?xml version='1.0' encoding='utf-8'?>\n{document_type}\n<!-- here --><?pi x?>{}",
        PLAIN.replace("<SyncBody>", "<!-- and --><SyncBody><?here too?>")
    ));
}

// spec: A06 A08
#[test]
fn three_forms_of_wbxml_are_one_message() {
    let number = to_wbxml(PLAIN.as_bytes()).unwrap();
    assert_eq!(&number[..5], b"\x02\xa4\x01\x6a\x00");
    let unknown = [b"\x02\x01\x6a\x00", &number[5..]].concat();
    let identifier = b"-//SYNCML//DTD SyncML 1.2//EN\0";
    let mut in_table = b"\x02\x00\x00\x6a\x1e".to_vec();
    in_table.extend(identifier);
    in_table.extend(&number[5..]);
    let plain = read_outline(PLAIN.as_bytes()).unwrap();
    for form in [number, unknown, in_table] {
        assert_eq!(read_outline(&form).unwrap(), plain);
    }
}

// spec: A08
#[test]
fn three_forms_of_a_text_are_one() {
    let head = b"\x6d\x6b\x45\x4b\x032\x00\x01\x54\x4f";
    let tail = b"\x01\x01\x01\x12\x01\x01";
    let forms: [(&[u8], &[u8]); 3] = [
        (b"", b"\xc3\x03a&b"),
        (b"", b"\x03a&b\x00"),
        (b"a&b\x00", b"\x83\x00"),
    ];
    for (table, data) in forms {
        let length = u8::try_from(table.len()).unwrap();
        let start = [0x02, 0xa4, 0x01, 0x6a, length];
        let bytes = [&start, table, head, data, tail].concat();
        let xml = syncml::transcode::to_xml(&bytes).unwrap();
        assert!(
            xml.contains("<![CDATA[a&b]]>") || xml.contains("a&amp;b"),
            "{xml}"
        );
    }
}

// spec: F08
#[test]
fn device_information_is_read_as_a_document_and_as_elements() {
    let devinf = |bytes: &[u8]| {
        let document = Document::new(bytes, None).unwrap();
        let message = document.read(&Limits::default()).unwrap();
        let found = message.commands.iter().find_map(|command| match command {
            Command::Access(access) => match &access.items.first()?.data {
                Some(Data::DevInf(devinf)) => Some(devinf.as_ref().clone()),
                _ => None,
            },
            _ => None,
        });
        found.unwrap()
    };
    let put = "<Put><CmdID>2</CmdID><Meta><Type xmlns='syncml:metinf'>\
        application/vnd.syncml-devinf+xml</Type></Meta><Item><Source><LocURI>./devinf12</LocURI>\
        </Source><Data><DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>x</DevID><UTC/>\
        </DevInf></Data></Item></Put>";
    let add = &PLAIN[PLAIN.find("<Add>").unwrap()..PLAIN.find("<Final").unwrap()];
    let xml = PLAIN.replace(add, put);
    let nested = to_wbxml(xml.as_bytes()).unwrap();
    assert_eq!(devinf(xml.as_bytes()).dev_id, "x");
    assert_eq!(devinf(&nested), devinf(xml.as_bytes()));
    // as a text, which some devices write in place of the document
    let at = xml.find("<DevInf").unwrap();
    let end = xml.find("</DevInf>").unwrap() + "</DevInf>".len();
    let wrapped = format!("{}<![CDATA[{}]]>{}", &xml[..at], &xml[at..end], &xml[end..]);
    let inline = to_wbxml(wrapped.as_bytes()).unwrap();
    assert_ne!(inline, nested);
    assert_eq!(devinf(&inline), devinf(xml.as_bytes()));
}

const CAPABILITIES: &str = "<DevInf xmlns='syncml:devinf'><VerDTD>1.2</VerDTD><DevID>x</DevID>\
    <DevTyp>phone</DevTyp><UTC/><SupportLargeObjs/><SupportNumberOfChanges/><DataStore>\
    <SourceRef>./c</SourceRef><Rx-Pref><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT></Rx-Pref>\
    <CTCap><CTType>text/x-vcard</CTType><VerCT>2.1</VerCT><Property><PropName>TEL</PropName>\
    <DataType>phonenum</DataType><MaxOccur>3</MaxOccur><MaxSize>40</MaxSize><NoTruncate/>\
    <ValEnum>x</ValEnum><DisplayName>Phone</DisplayName><PropParam><ParamName>TYPE</ParamName>\
    <ValEnum>HOME</ValEnum><ValEnum>WORK</ValEnum></PropParam></Property></CTCap>\
    <SyncCap><SyncType>1</SyncType><SyncType>2</SyncType></SyncCap></DataStore>\
    <Ext><XNam>X-A</XNam><XVal>1</XVal><XVal>2</XVal></Ext></DevInf>";

// spec: F14
#[test]
fn capabilities_are_read_to_the_last_element() {
    let devinf = DevInf::read(CAPABILITIES.as_bytes()).unwrap();
    let capability = &devinf.datastores[0].capabilities[0];
    assert_eq!(capability.media_type, "text/x-vcard");
    let property = &capability.properties[0];
    assert_eq!(property.name, "TEL");
    assert_eq!(property.data_type.as_deref(), Some("phonenum"));
    assert_eq!((property.max_occur, property.max_size), (Some(3), Some(40)));
    assert!(property.no_truncate);
    assert_eq!(property.values, ["x"]);
    assert_eq!(property.parameters[0].name, "TYPE");
    assert_eq!(property.parameters[0].values, ["HOME", "WORK"]);
}

// spec: F14
#[test]
fn properties_are_read_from_one_block_and_in_any_order() {
    let in_block = |elements: &str| {
        let block = format!("<Property>{elements}</Property>");
        let (start, end) = (
            CAPABILITIES.find("<Property>").unwrap(),
            CAPABILITIES.find("</CTCap>").unwrap(),
        );
        let text = [&CAPABILITIES[..start], &block, &CAPABILITIES[end..]].concat();
        let mut devinf = DevInf::read(text.as_bytes()).unwrap();
        devinf
            .datastores
            .remove(0)
            .capabilities
            .remove(0)
            .properties
    };
    // what follows a parameter's own block is the property's
    let parameter = "<PropParam><ParamName>TYPE</ParamName><ValEnum>HOME</ValEnum></PropParam>";
    let after = in_block(&format!(
        "{parameter}<PropName>TEL</PropName><MaxSize>40</MaxSize><ValEnum>x</ValEnum>"
    ));
    assert_eq!(after.len(), 1);
    assert_eq!(
        (after[0].name.as_str(), after[0].max_size),
        ("TEL", Some(40))
    );
    assert_eq!(after[0].values, ["x"]);
    assert_eq!(after[0].parameters[0].values, ["HOME"]);
    // several names in one block are as many properties
    let many = in_block(&format!(
        "<PropName>TEL</PropName><MaxOccur>2</MaxOccur>{parameter}<PropName>NOTE</PropName>\
         <MaxSize>9</MaxSize><PropName>TEL</PropName><ParamName>CELL</ParamName><Size>3</Size>"
    ));
    let names: Vec<&str> = many.iter().map(|property| property.name.as_str()).collect();
    assert_eq!(names, ["TEL", "NOTE", "TEL"]);
    assert_eq!((many[0].max_occur, many[1].max_size), (Some(2), Some(9)));
    assert_eq!(many[1].parameters, []);
    assert_eq!(
        (many[2].max_size, many[2].parameters[0].max_size),
        (None, Some(3))
    );
}

// spec: F15
#[test]
fn what_a_device_supports_is_read() {
    let devinf = DevInf::read(CAPABILITIES.as_bytes()).unwrap();
    assert!(devinf.utc && devinf.large_objects && devinf.number_of_changes);
    let without = CAPABILITIES
        .replace("<UTC/>", "")
        .replace("<SupportLargeObjs/>", "")
        .replace("<SupportNumberOfChanges/>", "");
    let devinf = DevInf::read(without.as_bytes()).unwrap();
    assert!(!(devinf.utc || devinf.large_objects || devinf.number_of_changes));
}

// spec: F19
#[test]
fn extensions_change_nothing_else() {
    let with = DevInf::read(CAPABILITIES.as_bytes()).unwrap();
    assert_eq!(
        with.extensions,
        [("X-A".to_owned(), vec!["1".to_owned(), "2".to_owned()])]
    );
    let at = CAPABILITIES.find("<Ext>").unwrap();
    let without = format!("{}</DevInf>", &CAPABILITIES[..at]);
    let without = DevInf::read(without.as_bytes()).unwrap();
    assert_eq!(with.datastores, without.datastores);
}

// spec: F13
#[test]
fn capabilities_stand_in_the_datastore_since_1_2_and_beside_before() {
    let old = DevInf::read(&sample("devinf/devinf11_client.xml")).unwrap();
    let new = DevInf::read(&sample("devinf/devinf12_client.xml")).unwrap();
    for devinf in [&old, &new] {
        assert!(!devinf.datastores[0].capabilities.is_empty());
    }
    let text = |version| String::from_utf8(new.to_xml(version)).unwrap();
    let place = |text: &str| {
        (
            text.find("<CTCap>").unwrap(),
            text.rfind("</DataStore>").unwrap(),
        )
    };
    let (capability, end) = place(&text(syncml::Version::V1_2));
    assert!(capability < end);
    let (capability, end) = place(&text(syncml::Version::V1_1));
    assert!(capability > end);
}
