//! The program in a folder of its own, with its servers.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::thread::JoinHandle;

use serde_json::Value;

/// A folder of its own for each test.
pub struct Place {
    pub root: tempfile::TempDir,
}

/// What a run of the program gave.
pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().expect("it ended by itself"),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The output of a run that has to succeed.
    pub fn ok(self) -> String {
        assert_eq!(self.code, 0, "{}{}", self.out, self.err);
        self.out
    }

    /// The error of a run that has to end with this code.
    pub fn fails(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        assert!(
            code == 1 || self.err.starts_with("error: "),
            "{:?}",
            self.err
        );
        self.err
    }
}

impl Place {
    pub fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// The program with this place's state, in this place's folder.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_syncline"));
        command
            .args(args)
            .current_dir(self.root.path())
            .env("SYNCLINE_DATA", self.path("data"))
            .env_remove("SYNCLINE_CONFIG")
            .env_remove("SYNCLINE_LOG");
        command
    }

    pub fn run(&self, args: &[&str]) -> Run {
        self.run_with(args, b"")
    }

    pub fn run_with(&self, args: &[&str], input: &[u8]) -> Run {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // a command that reads no input may be gone already
        let _ = child.stdin.take().unwrap().write_all(input);
        Run::of(child.wait_with_output().unwrap())
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    pub fn account(&self) {
        self.run_with(&["user", "add", "alice", "--password-stdin"], b"secret\n")
            .ok();
    }

    pub fn serve(&self, args: &[&str]) -> Server {
        self.serve_in("UTC", args)
    }

    /// A server on a system in this zone.
    pub fn serve_in(&self, zone: &str, args: &[&str]) -> Server {
        let mut child = self
            .command(&[&["serve", "--listen", "127.0.0.1:0"], args].concat())
            .env("TZ", zone)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let url = line.trim_end().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Server { child, out, url }
    }

    /// Syncs folders with a server as alice.
    pub fn sync(&self, url: &str, args: &[&str]) -> Run {
        let fixed = ["sync", "--url", url, "--user", "alice", "--password-stdin"];
        self.run_with(&[&fixed, args].concat(), b"secret\n")
    }

    /// How many items the server holds for alice.
    pub fn count(&self, store: &str) -> u64 {
        let list = json(
            &self
                .run(&["store", "list", "--user", "alice", "--json"])
                .ok(),
        );
        let rows = list.as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == store);
        row.unwrap()["items"].as_u64().unwrap()
    }

    /// The items of a folder by their text, sorted.
    pub fn items(&self, name: &str) -> Vec<String> {
        let mut items: Vec<String> = fs::read_dir(self.path(name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file())
            .map(|path| fs::read_to_string(path).unwrap())
            .collect();
        items.sort();
        items
    }
}

/// A running server, ended with the test.
pub struct Server {
    pub child: Child,
    pub out: BufReader<ChildStdout>,
    pub url: String,
}

impl Server {
    pub fn get(&self, path: &str) -> String {
        self.request(&format!("GET {path} HTTP/1.1"), "")
    }

    pub fn post(&self, body: &str) -> String {
        self.request("POST /syncml HTTP/1.1", body)
    }

    pub fn request(&self, line: &str, body: &str) -> String {
        let host = self.url.strip_prefix("http://").unwrap();
        let host = host.split('/').next().unwrap();
        let mut stream = TcpStream::connect(host).unwrap();
        write!(
            stream,
            "{line}\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    /// Asks the server to end; its exit code, the rest of its output and its log.
    pub fn terminate(mut self) -> (Option<i32>, String, String) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().unwrap();
        assert!(sent.success());
        let (mut rest, mut log) = (String::new(), String::new());
        self.out.read_to_string(&mut rest).unwrap();
        let mut err = self.child.stderr.take().unwrap();
        err.read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), rest, log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // it has ended already where the test asked it to
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

pub fn card(family: &str, given: &str, phone: &str) -> String {
    format!(
        "BEGIN:VCARD\r\nVERSION:3.0\r\nN:{family};{given};;;\r\nFN:{given} {family}\r\n\
         TEL;TYPE=CELL:{phone}\r\nEND:VCARD\r\n"
    )
}

/// Presses Ctrl-C.
pub fn interrupt(child: &Child) {
    let pid = child.id().to_string();
    let sent = Command::new("kill").args(["-INT", &pid]).status().unwrap();
    assert!(sent.success());
}

/// A server that gives what `answer` makes of each request in XML, for as many requests; gives them.
pub fn scripted(count: usize, answer: fn(&str) -> String) -> (String, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let thread = std::thread::spawn(move || {
        let mut requests = Vec::new();
        for _ in 0..count {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = String::new();
            while !request.contains("</SyncML>") {
                let mut buffer = [0; 4096];
                let read = stream.read(&mut buffer).unwrap();
                assert!(read > 0, "the request broke");
                request.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
            }
            stream.write_all(answer(&request).as_bytes()).unwrap();
            requests.push(request);
        }
        requests
    });
    (url, thread)
}

/// What the first element of that name says.
pub fn value(text: &str, name: &str) -> String {
    let rest = text.split_once(&format!("<{name}>")).unwrap().1;
    rest.split_once('<').unwrap().0.to_owned()
}

/// An answer that is nothing but a status for the header of a request.
pub fn header_status(request: &str, code: u16) -> String {
    format!(
        "<SyncML><SyncHdr><VerDTD>1.1</VerDTD><VerProto>SyncML/1.1</VerProto>\
         <SessionID>{}</SessionID><MsgID>1</MsgID><Target><LocURI>x</LocURI></Target>\
         <Source><LocURI>y</LocURI></Source></SyncHdr><SyncBody><Status><CmdID>1</CmdID>\
         <MsgRef>1</MsgRef><CmdRef>0</CmdRef><Cmd>SyncHdr</Cmd><Data>{code}</Data></Status>\
         <Final/></SyncBody></SyncML>",
        value(request, "SessionID")
    )
}

/// The HTTP answer with this message.
pub fn ok(message: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/vnd.syncml+xml\r\n\r\n{message}",
        message.len()
    )
}
