//! What a file is as an object of the server, and back.

use super::*;

/// A file object of the server.
fn file(name: &str, rest: &str, content: &str) -> Vec<u8> {
    let head = pim::with_element(rest, "name", name);
    pim::write_object(FILE, &head, content.as_bytes()).unwrap()
}

/// What a session tells of each file: its media type, and the object without its time.
fn objects(vdir: &mut Vdir) -> Vec<(String, String)> {
    begin(vdir, false);
    let mut told = Vec::new();
    while let Some(change) = vdir.next_change().unwrap() {
        let text = String::from_utf8(change.content).unwrap();
        let text = match (text.find("<modified>"), text.find("</modified>")) {
            (Some(from), Some(to)) => text[..from].to_owned() + &text[to + 11..],
            _ => text,
        };
        told.push((change.media_type, text));
        vdir.confirm(&change.luid).unwrap();
    }
    vdir.complete(&Anchors::default()).unwrap();
    told
}

// spec: T45 T46
#[test]
fn a_file_keeps_its_name_and_what_else_its_object_says() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let told = |object: &str| [(FILE.to_owned(), object.to_owned())];
    write(root, "list.txt", "milk");
    let mut vdir = open(root);
    let milk =
        "<File><name>list.txt</name><body enc=\"base64\">bWlsaw==</body><size>4</size></File>";
    assert_eq!(objects(&mut vdir), told(milk));
    // one of the server, with attributes
    begin(&mut vdir, false);
    let hidden = "<attributes><h>true</h></attributes>";
    let added = vdir
        .add("7", FILE, &file("a/b.txt", hidden, "one"))
        .unwrap();
    vdir.complete(&Anchors::default()).unwrap();
    assert_eq!(paths(root), ["a_b.txt=one", "list.txt=milk"]);
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
    let shown = vdir.content(&added.luid).unwrap();
    assert_eq!(shown, Some(file("a/b.txt", hidden, "one")));
    // an edit keeps the name that this system does not take
    fs::write(root.join("a_b.txt"), "two!").unwrap();
    let two = "<File><name>a/b.txt</name><attributes><h>true</h></attributes>\
               <body enc=\"base64\">dHdvIQ==</body><size>4</size></File>";
    assert_eq!(objects(&mut vdir), told(two));
    assert_eq!(objects(&mut vdir), []);
    // a new name alone, and a name and content
    fs::rename(root.join("a_b.txt"), root.join("c.txt")).unwrap();
    assert_eq!(objects(&mut vdir), told(&two.replace("a/b.txt", "c.txt")));
    drop(vdir);
    let mut vdir = open(root);
    assert_eq!(objects(&mut vdir), []);
    // the server renames it, says nothing of its content, and empties it
    begin(&mut vdir, false);
    let renamed = b"<File><name>d.txt</name></File>";
    assert_eq!(
        vdir.replace(&added.luid, FILE, renamed).unwrap(),
        Applied::Done
    );
    vdir.message_done().unwrap();
    assert_eq!(paths(root), ["d.txt=two!", "list.txt=milk"]);
    let emptied = file("d.txt", "", "");
    assert_eq!(
        vdir.replace(&added.luid, FILE, &emptied).unwrap(),
        Applied::Done
    );
    vdir.message_done().unwrap();
    assert_eq!(paths(root), ["d.txt=", "list.txt=milk"]);
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
    // what the server has as it is, stays so
    begin(&mut vdir, false);
    vdir.add("8", "image/jpeg", b"\xff\xd8\xff").unwrap();
    vdir.message_done().unwrap();
    fs::write(root.join("8.bin"), "edited").unwrap();
    let [(media_type, content)] = &*objects(&mut vdir) else {
        panic!("one edit");
    };
    assert_eq!(media_type, "application/octet-stream");
    assert_eq!(content, "edited");
}

// spec: R12
#[test]
fn a_file_object_that_a_crash_cut_off_is_taken_over() {
    for done in 0..=2 {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        let mut vdir = open(root);
        begin(&mut vdir, false);
        let luid = vdir.add("1", FILE, &file("a", "", "one")).unwrap().luid;
        vdir.message_done().unwrap();
        begin(&mut vdir, false);
        let hidden = "<attributes><h>true</h></attributes>";
        vdir.replace(&luid, FILE, &file("b", hidden, "two"))
            .unwrap();
        vdir.add("2", FILE, &file("c", hidden, "new")).unwrap();
        let mut batch = vdir.prepare().unwrap().unwrap();
        for step in batch.steps.clone().into_iter().take(done) {
            vdir.perform(&mut batch, step).unwrap();
        }
        drop((vdir, batch));
        let mut vdir = open(root);
        assert_eq!(paths(root), ["b=two", "c=new"], "{done}");
        assert_eq!(vdir.outlook().unwrap(), [0; 3], "{done}");
        begin(&mut vdir, false);
        assert_eq!(vdir.content(&luid).unwrap(), Some(file("b", hidden, "two")));
    }
}

// spec: T44 T46
#[test]
fn a_mail_is_its_message_and_keeps_its_flags() {
    const EMAIL: &str = "application/vnd.omads-email+xml";
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let message = "Subject: Lunch: when?\r\n\r\nAt one?\r\n";
    write(root, "own.eml", message);
    let mut vdir = Vdir::open(root, "http://server mail", DatastoreKind::Mail, EMAIL).unwrap();
    let object =
        |head| String::from_utf8(pim::write_object(EMAIL, head, message.as_bytes()).unwrap());
    assert_eq!(
        objects(&mut vdir),
        [(EMAIL.to_owned(), object("").unwrap())]
    );
    begin(&mut vdir, false);
    let read = object("<read>true</read>").unwrap();
    let luid = vdir.add("1", EMAIL, read.as_bytes()).unwrap().luid;
    vdir.message_done().unwrap();
    assert_eq!(
        fs::read_to_string(root.join("Lunch_ when_.eml")).unwrap(),
        message
    );
    assert_eq!(vdir.content(&luid).unwrap(), Some(read.into_bytes()));
    // flags alone, and a name that is this system's own
    let flags = b"<Email><read>false</read><emailitem/></Email>";
    assert_eq!(vdir.replace(&luid, EMAIL, flags).unwrap(), Applied::Done);
    vdir.message_done().unwrap();
    fs::rename(root.join("Lunch_ when_.eml"), root.join("lunch.eml")).unwrap();
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
    let unread = object("<read>false</read>").unwrap();
    assert_eq!(vdir.content(&luid).unwrap(), Some(unread.into_bytes()));
    // what the server has as a plain message, stays one
    begin(&mut vdir, false);
    vdir.add("2", "message/rfc822", message.as_bytes()).unwrap();
    vdir.message_done().unwrap();
    fs::write(root.join("Lunch_ when_.eml"), "Subject: a\r\n\r\nb").unwrap();
    let told = objects(&mut vdir);
    assert_eq!(
        told,
        [(
            "message/rfc822".to_owned(),
            "Subject: a\r\n\r\nb".to_owned()
        )]
    );
}

// spec: T45
#[test]
fn a_comparison_leaves_the_times_of_files_as_they_are() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let mut vdir = open(root);
    begin(&mut vdir, false);
    let dated = file("a.txt", "<modified>20190102T030405Z</modified>", "one");
    vdir.add("1", FILE, &dated).unwrap();
    vdir.complete(&Anchors::default()).unwrap();
    write(root, "new.txt", "new");
    begin(&mut vdir, true);
    let mut times = BTreeMap::new();
    while let Some(change) = vdir.next_change().unwrap() {
        let parts = pim::object_parts(FILE, &change.content).unwrap();
        let of = |element| pim::element_in_head(&parts.head, element);
        times.insert(of("name").unwrap(), of("modified").unwrap());
        vdir.confirm(&change.luid).unwrap();
    }
    assert_eq!(times["a.txt"], "20190102T030405Z");
    assert_ne!(times["new.txt"], "20190102T030405Z");
    vdir.complete(&Anchors::default()).unwrap();
    // an edit is later than that
    fs::write(root.join("a.txt"), "two").unwrap();
    begin(&mut vdir, false);
    let change = vdir.next_change().unwrap().unwrap();
    let head = pim::object_parts(FILE, &change.content).unwrap().head;
    assert_ne!(
        pim::element_in_head(&head, "modified").unwrap(),
        "20190102T030405Z"
    );
}

#[test]
fn an_edit_that_was_refused_and_taken_back_is_no_change_for_ever() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "a", "one");
    let old = std::time::UNIX_EPOCH + std::time::Duration::from_hours(24 * 365 * 40);
    let put = |text: &str, time| {
        fs::write(root.join("a"), text).unwrap();
        let file = fs::File::options()
            .write(true)
            .open(root.join("a"))
            .unwrap();
        file.set_modified(time).unwrap();
    };
    put("one", old);
    let mut vdir = open(root);
    assert_eq!(objects(&mut vdir).len(), 1);
    put("two", old + std::time::Duration::from_hours(1));
    begin(&mut vdir, false);
    let luid = vdir.next_change().unwrap().unwrap().luid;
    // refused, and out of a backup it is as it was
    vdir.complete(&Anchors::default()).unwrap();
    put("one", old);
    drop(vdir);
    let mut vdir = open(root);
    objects(&mut vdir);
    assert_eq!(objects(&mut vdir), []);
    begin(&mut vdir, false);
    let replaced = vdir.replace(&luid, FILE, &file("a", "", "three")).unwrap();
    assert_eq!(replaced, Applied::Done);
}

// spec: T45 T46
#[test]
fn an_object_that_lies_in_a_file_keeps_its_type() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let object = "<File><name>b.txt</name><body>one</body></File>";
    write(root, "a.bin", object);
    let mut vdir = open(root);
    let [luid] = &*begun(&mut vdir) else {
        panic!("one file");
    };
    // as a release left it that knew no heads
    vdir.set_head(luid, None).unwrap();
    vdir.confirm(luid).unwrap();
    vdir.complete(&Anchors::default()).unwrap();
    fs::write(root.join("a.bin"), object.replace("one", "two")).unwrap();
    let two = object.replace("one", "two");
    assert_eq!(objects(&mut vdir), [(FILE.to_owned(), two)]);
    // and is a file once the server says something of it
    begin(&mut vdir, false);
    let renamed = b"<File><name>c.txt</name></File>";
    assert_eq!(vdir.replace(luid, FILE, renamed).unwrap(), Applied::Done);
    vdir.message_done().unwrap();
    assert_eq!(paths(root), ["c.txt=two"]);
    assert_eq!(vdir.outlook().unwrap(), [0; 3]);
}

/// The LUIDs that a session gives out.
fn begun(vdir: &mut Vdir) -> Vec<String> {
    begin(vdir, false);
    let changes = std::iter::from_fn(|| vdir.next_change().unwrap());
    changes.map(|change| change.luid).collect()
}

// spec: T46
#[test]
fn an_object_without_content_stays_as_it_is_until_it_has_some() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    let mut vdir = open(root);
    begin(&mut vdir, false);
    let bare = b"<File><name>a</name></File>";
    let nameless = b"<File><body>x</body></File>";
    let luid = vdir.add("1", FILE, bare).unwrap().luid;
    vdir.add("2", FILE, nameless).unwrap();
    vdir.complete(&Anchors::default()).unwrap();
    // a comparison finds them as they came
    begin(&mut vdir, true);
    let mut all = Vec::new();
    while let Some(change) = vdir.next_change().unwrap() {
        assert_eq!(change.media_type, FILE);
        vdir.confirm(&change.luid).unwrap();
        all.push(change.content);
    }
    all.sort();
    assert_eq!(all, [nameless.to_vec(), bare.to_vec()]);
    vdir.complete(&Anchors::default()).unwrap();
    begin(&mut vdir, false);
    let whole = file("a", "", "text");
    assert_eq!(vdir.replace(&luid, FILE, &whole).unwrap(), Applied::Done);
    vdir.message_done().unwrap();
    assert!(
        paths(root).contains(&"a=text".to_owned()),
        "{:?}",
        paths(root)
    );
    // and what says no name keeps it
    let hidden = b"<File><attributes><h>true</h></attributes></File>";
    assert_eq!(vdir.replace(&luid, FILE, hidden).unwrap(), Applied::Done);
    vdir.message_done().unwrap();
    assert!(
        paths(root).contains(&"a=text".to_owned()),
        "{:?}",
        paths(root)
    );
    let held = String::from_utf8(vdir.content(&luid).unwrap().unwrap()).unwrap();
    assert!(held.contains("<name>a</name>") && held.contains("<h>true</h>"));
}
