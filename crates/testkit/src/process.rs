//! Programs under test: run to their end, or served by until they are told to stop.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Seek as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// How long a program may take before it counts as hung. No test should come near it.
pub const PATIENCE: Duration = Duration::from_mins(3);

/// How often a running program is looked at.
const GLANCE: Duration = Duration::from_millis(5);

/// What a program that has ended left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// Exit code; `None` when a signal ended the program.
    pub code: Option<i32>,
    /// Its standard output.
    pub stdout: Vec<u8>,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// Standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Both outputs one after the other, for a message to a person.
    pub fn all(&self) -> String {
        format!("{}{}", self.text(), self.stderr)
    }
}

/// Runs `program` with `stdin` as its input and waits for its end, whatever its exit code.
///
/// # Errors
///
/// [`Error::Io`] when it cannot be started, [`Error::Hung`] when it does not end within
/// [`PATIENCE`].
pub fn run(program: &Path, arguments: &[&str], stdin: &[u8]) -> Result<Output, Error> {
    let mut command = Command::new(program);
    command.args(arguments);
    run_command(command, stdin, PATIENCE)
}

/// [`run`] for a command that has an environment of its own.
///
/// # Errors
///
/// As [`run`].
pub fn run_command(command: Command, stdin: &[u8], patience: Duration) -> Result<Output, Error> {
    Running::start(command, stdin)?.finish(patience)
}

/// A program that runs, and is killed when this is dropped.
#[derive(Debug)]
pub struct Running {
    child: Child,
    program: String,
    stdout: File,
    stderr: File,
}

impl Running {
    /// Starts a program with `stdin` as its input.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when it cannot be started.
    pub fn start(mut command: Command, stdin: &[u8]) -> Result<Self, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        // Files instead of pipes: whatever the program reads or writes first, nobody waits for
        // anybody.
        let scratch = || tempfile::tempfile().map_err(Error::io("a temporary file"));
        let (mut input, stdout, stderr) = (scratch()?, scratch()?, scratch()?);
        let share = |file: &File| file.try_clone().map_err(Error::io("a temporary file"));
        input
            .write_all(stdin)
            .and_then(|()| input.rewind())
            .map_err(Error::io("a temporary file"))?;
        let child = command
            .stdin(input)
            .stdout(share(&stdout)?)
            .stderr(share(&stderr)?)
            .spawn()
            .map_err(Error::io(format!("start {program}")))?;
        Ok(Self {
            child,
            program,
            stdout,
            stderr,
        })
    }

    /// What it has written to its standard error so far.
    pub fn stderr(&self) -> String {
        let bytes = read_all(&self.stderr).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Waits until `condition` holds; whether it does before the program ends.
    ///
    /// # Errors
    ///
    /// [`Error::Hung`] after [`PATIENCE`], [`Error::Io`].
    pub fn wait_until(&mut self, condition: impl Fn(&Self) -> bool) -> Result<bool, Error> {
        let start = Instant::now();
        while !condition(self) {
            let ended = self.child.try_wait();
            if ended.map_err(Error::io("wait for a program"))?.is_some() {
                return Ok(condition(self));
            }
            if start.elapsed() > PATIENCE {
                return Err(Error::Hung {
                    program: self.program.clone(),
                    seconds: PATIENCE.as_secs(),
                    output: self.output()?.all(),
                });
            }
            thread::sleep(GLANCE);
        }
        Ok(true)
    }

    /// Ends it at once (SIGKILL).
    pub fn kill(&mut self) {
        let _ = self.child.kill();
    }

    /// Interrupts it (SIGINT), as Ctrl-C does.
    pub fn interrupt(&self) {
        signal(self.child.id(), "INT");
    }

    /// Waits for its end, whatever its exit code.
    ///
    /// # Errors
    ///
    /// [`Error::Hung`] when it does not end within `patience`.
    pub fn finish(mut self, patience: Duration) -> Result<Output, Error> {
        let ended = wait(&mut self.child, patience)?;
        let mut output = self.output()?;
        let Some(status) = ended else {
            return Err(Error::Hung {
                program: self.program.clone(),
                seconds: patience.as_secs(),
                output: output.all(),
            });
        };
        output.code = status.code();
        Ok(output)
    }

    /// What it has printed.
    fn output(&self) -> Result<Output, Error> {
        let stdout = read_all(&self.stdout);
        Ok(Output {
            code: None,
            stdout: stdout.map_err(Error::io(format!("the output of {}", self.program)))?,
            stderr: self.stderr(),
        })
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The bytes of a file, whatever others do to their common place in it.
fn read_all(file: &File) -> std::io::Result<Vec<u8>> {
    let mut bytes = vec![0; file.metadata()?.len() as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

pub(crate) fn signal(id: u32, name: &str) {
    let _ = Command::new("/bin/sh")
        .args(["-c", &format!("kill -{name} {id}")])
        .status();
}

/// What a line of `/proc/ID/status` says.
fn told(id: u32, key: &str) -> Option<String> {
    let status = fs::read_to_string(format!("/proc/{id}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    Some(line?.trim().to_owned())
}

/// The processes that a process has begun.
pub(crate) fn children(parent: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let parent = parent.to_string();
    ids.filter(|id| told(*id, "PPid:").as_ref() == Some(&parent))
        .collect()
}

/// Whether a process does anything still: one that nobody has waited for does not.
pub(crate) fn is_running(id: u32) -> bool {
    told(id, "State:").is_some_and(|state| !state.starts_with(['Z', 'X']))
}

/// The child's end, or `None` when it had to be killed.
fn wait(child: &mut Child, patience: Duration) -> Result<Option<ExitStatus>, Error> {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().map_err(Error::io("wait for a program"))? {
            return Ok(Some(status));
        }
        if start.elapsed() > patience {
            let _ = child.kill();
            let _ = child.wait();
            return Ok(None);
        }
        thread::sleep(GLANCE);
    }
}

/// A child process that says `listening on URL` and is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Listening {
    child: Child,
    pub(crate) url: String,
    log: PathBuf,
}

impl Listening {
    /// Starts `command` with its standard error appended to the file `log`, and waits for the line.
    /// Its standard input stays open until it is killed.
    pub(crate) fn start(mut command: Command, log: PathBuf) -> Result<Self, Error> {
        let program = command.get_program().to_string_lossy().into_owned();
        let file = File::options()
            .create(true)
            .append(true)
            .open(&log)
            .map_err(Error::io(format!("{}", log.display())))?;
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .spawn()
            .map_err(Error::io(format!("start {program}")))?;
        let (sender, receiver) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            // Read to its end, so that the program never waits for a reader.
            thread::spawn(move || {
                for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                    if let Some(url) = line.strip_prefix("listening on ") {
                        let _ = sender.send(url.trim().to_owned());
                    }
                }
            });
        }
        let heard = receiver.recv_timeout(PATIENCE);
        let mut started = Self {
            child,
            url: String::new(),
            log,
        };
        match heard {
            Ok(url) => {
                started.url = url;
                Ok(started)
            }
            Err(_) => Err(Error::NotListening {
                program,
                output: started.logs(),
            }),
        }
    }

    pub(crate) fn logs(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn signal(&self, name: &str) {
        signal(self.id(), name);
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Closes its standard input and waits for its end.
    pub(crate) fn hang_up(&mut self) {
        drop(self.child.stdin.take());
        let _ = wait(&mut self.child, Duration::from_secs(20));
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.kill();
        if thread::panicking() {
            let logs = self.logs();
            let tail = logs.len().saturating_sub(20_000);
            let tail = logs.get(tail..).unwrap_or(&logs);
            let _ = writeln!(
                std::io::stderr(),
                "---- log of {} ----\n{tail}\n---- end of log ----",
                self.url
            );
        }
    }
}

/// Our own binary as a server: `syncline serve` on a free port of the loopback interface.
#[derive(Debug)]
pub struct Server {
    listening: Listening,
}

impl Server {
    /// Starts `program serve --listen 127.0.0.1:0 --data DATA` and waits until it listens.
    ///
    /// Its log is kept in the file [`Server::log_file`] and shown when the test panics.
    ///
    /// # Errors
    ///
    /// [`Error::NotListening`] with the log when it ends before.
    pub fn start(program: &Path, data: &Path) -> Result<Self, Error> {
        Self::start_with(program, data, "127.0.0.1:0", &[])
    }

    /// [`Server::start`] on a given address and with further arguments: to come back after a
    /// [`Server::kill`] where the clients expect it.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn start_with(
        program: &Path,
        data: &Path,
        address: &str,
        arguments: &[&str],
    ) -> Result<Self, Error> {
        let folder = data.to_string_lossy();
        let arguments = [&["--data", &folder], arguments].concat();
        Self::start_over(program, log_file(data), address, &arguments)
    }

    /// [`Server::start_with`] over whatever state the arguments name, with its log in a file.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn start_over(
        program: &Path,
        log: PathBuf,
        address: &str,
        arguments: &[&str],
    ) -> Result<Self, Error> {
        Self::start_in(&[], program, log, address, arguments)
    }

    /// [`Server::start_over`] in another place, which the words of a command before that of the
    /// program enter, such as `ip netns exec NAME`.
    ///
    /// # Errors
    ///
    /// As [`Server::start`].
    pub fn start_in(
        enter: &[String],
        program: &Path,
        log: PathBuf,
        address: &str,
        arguments: &[&str],
    ) -> Result<Self, Error> {
        let mut command = match enter.split_first() {
            None => Command::new(program),
            Some((first, others)) => {
                let mut command = Command::new(first);
                command.args(others).arg(program);
                command
            }
        };
        command
            .args(["serve", "--listen", address])
            .args(arguments)
            .env("NO_COLOR", "1");
        Ok(Self {
            listening: Listening::start(command, log)?,
        })
    }

    /// The address that clients sync with, as the server printed it.
    pub fn url(&self) -> &str {
        &self.listening.url
    }

    /// The part of [`Server::url`] that `--listen` takes.
    pub fn address(&self) -> &str {
        let url = self.url();
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        rest.split('/').next().unwrap_or(rest)
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.listening.id()
    }

    /// The most memory that it has had resident (`VmHWM`), bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system does not tell.
    pub fn peak_memory(&self) -> Result<u64, Error> {
        let path = format!("/proc/{}/status", self.pid());
        let status = fs::read_to_string(&path).map_err(Error::io(path.clone()))?;
        status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .and_then(|line| line.split_whitespace().next()?.parse().ok())
            .map(|kib: u64| kib << 10)
            .ok_or_else(|| Error::io(path)(std::io::ErrorKind::InvalidData.into()))
    }

    /// Begins to measure [`Server::peak_memory`] anew, from the memory resident now.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system does not allow it.
    pub fn reset_peak_memory(&self) -> Result<(), Error> {
        let path = format!("/proc/{}/clear_refs", self.pid());
        fs::write(&path, "5").map_err(Error::io(path))
    }

    /// Where its log goes: beside the data folder.
    pub fn log_file(&self) -> &Path {
        &self.listening.log
    }

    /// Its log so far.
    pub fn logs(&self) -> String {
        self.listening.logs()
    }

    /// Posts a message in XML, on a connection of its own; the whole answer of HTTP, head and body.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], also when the server is silent for longer than `patience`.
    pub fn post(&self, body: &str, patience: Duration) -> Result<String, Error> {
        let failed = || Error::io(format!("post to {}", self.url()));
        let mut stream = TcpStream::connect(self.address()).map_err(failed())?;
        stream.set_read_timeout(Some(patience)).map_err(failed())?;
        let head = format!(
            "POST /syncml HTTP/1.0\r\nContent-Type: application/vnd.syncml+xml\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream
            .write_all(format!("{head}{body}").as_bytes())
            .map_err(failed())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).map_err(failed())?;
        Ok(answer)
    }

    /// Ends it at once (SIGKILL), as a power failure would.
    pub fn kill(mut self) {
        self.listening.kill();
    }

    /// Asks it to end (SIGTERM) and waits for that; its exit code, or `None` when it did not obey
    /// within [`PATIENCE`] and was killed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] when the system cannot tell.
    pub fn terminate(mut self) -> Result<Option<i32>, Error> {
        self.listening.signal("TERM");
        let status = wait(&mut self.listening.child, PATIENCE)?;
        Ok(status.and_then(|status| status.code()))
    }
}

/// A port of the loopback interface that nobody listens on.
pub(crate) fn free_port() -> Result<u16, Error> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let address = listener.and_then(|listener| listener.local_addr());
    Ok(address.map_err(Error::io("a free port"))?.port())
}

fn log_file(data: &Path) -> PathBuf {
    let mut name = data.file_name().unwrap_or_default().to_owned();
    name.push(".log");
    data.with_file_name(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_program_gets_its_input_and_gives_its_outputs_and_code() {
        let output = run(
            Path::new("/bin/sh"),
            &["-c", "cat; echo no >&2; exit 3"],
            b"yes",
        )
        .unwrap();
        assert_eq!(output.code, Some(3));
        assert_eq!(output.text(), "yes");
        assert_eq!(output.stderr, "no\n");
        assert_eq!(output.all(), "yesno\n");
    }

    #[test]
    fn a_program_that_does_not_end_is_killed() {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", "echo here; exec sleep 1000"]);
        let error = run_command(command, b"", Duration::from_millis(300)).unwrap_err();
        assert!(matches!(error, Error::Hung { .. }), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run(Path::new("/no/such/program"), &[], b"").unwrap_err();
        assert!(error.to_string().contains("/no/such/program"), "{error}");
    }

    /// A script that stands in for the binary.
    fn stand_in(folder: &Path, text: &str) -> PathBuf {
        let path = folder.join("stand-in");
        fs::write(&path, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_server_tells_its_address_and_obeys() {
        let folder = tempfile::tempdir().unwrap();
        let program = stand_in(
            folder.path(),
            "trap 'exit 7' TERM; echo \"$@\" >&2
             echo listening on http://127.0.0.1:4711/syncml
             while :; do sleep 0.05; done",
        );
        let data = folder.path().join("data");
        let server = Server::start(&program, &data).unwrap();
        assert_eq!(server.url(), "http://127.0.0.1:4711/syncml");
        assert_eq!(server.address(), "127.0.0.1:4711");
        assert_eq!(
            server.logs(),
            format!("serve --listen 127.0.0.1:0 --data {}\n", data.display())
        );
        assert_eq!(server.terminate().unwrap(), Some(7));
    }

    #[test]
    fn a_server_that_ends_early_shows_its_log() {
        let folder = tempfile::tempdir().unwrap();
        let program = stand_in(folder.path(), "echo the port is taken >&2; exit 2");
        let error = Server::start(&program, &folder.path().join("data")).unwrap_err();
        assert!(error.to_string().contains("the port is taken"), "{error}");
    }
}
