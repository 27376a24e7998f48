//! OpenLDAP's server with a few people in it, for logins that a directory judges.

use std::fs;
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::process::{self, PATIENCE, free_port};
use crate::{Availability, Error};

/// The program.
const PROGRAM: &str = "/usr/sbin/slapd";

/// Name of a person in the directory, `{user}` in place of the short name.
pub const PERSON: &str = "uid={user},ou=people,dc=example,dc=org";

/// A directory on the loopback interface; ends with this value.
#[derive(Debug)]
pub struct Slapd {
    child: Child,
    url: String,
    _folder: TempDir,
}

impl Slapd {
    /// Starts a directory that knows these people, each a short name and a password.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when the people cannot be added, [`Error::NotListening`] when it does not
    /// start.
    pub fn start(_installed: Availability, people: &[(&str, &str)]) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("slapd-")
            .tempdir()
            .map_err(Error::io("a temporary folder"))?;
        let config = folder.path().join("slapd.conf");
        let entries = folder.path().join("people.ldif");
        write(&config, &configuration(folder.path()))?;
        write(&entries, &ldif(people))?;
        let (config, entries) = (config.to_string_lossy(), entries.to_string_lossy());
        let add = ["-T", "add", "-f", &config, "-l", &entries];
        let output = process::run(Path::new(PROGRAM), &add, b"")?;
        if output.code != Some(0) {
            return Err(Error::Failed {
                program: "slapd -T add".to_owned(),
                code: output.code,
                output: output.all(),
            });
        }
        let port = free_port()?;
        let url = format!("ldap://127.0.0.1:{port}");
        let child = Command::new(PROGRAM)
            .args(["-d", "0", "-f", &config, "-h", &url])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io(format!("start {PROGRAM}")))?;
        let mut started = Self {
            child,
            url,
            _folder: folder,
        };
        started.wait_for(port)?;
        Ok(started)
    }

    /// Where it is, as `ldap://HOST:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    fn wait_for(&mut self, port: u16) -> Result<(), Error> {
        let began = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            let ended = self.child.try_wait().ok().flatten().is_some();
            if ended || began.elapsed() > PATIENCE {
                return Err(Error::NotListening {
                    program: PROGRAM.to_owned(),
                    output: String::new(),
                });
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(Error::io(path.display().to_string()))
}

fn configuration(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         pidfile {folder}/slapd.pid\n\
         argsfile {folder}/slapd.args\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         database mdb\n\
         suffix \"dc=example,dc=org\"\n\
         directory {folder}\n"
    )
}

fn ldif(people: &[(&str, &str)]) -> String {
    let mut text = "dn: dc=example,dc=org\nobjectClass: domain\ndc: example\n\n\
                    dn: ou=people,dc=example,dc=org\nobjectClass: organizationalUnit\nou: people\n"
        .to_owned();
    text.extend(people.iter().map(|(user, password)| {
        let name = PERSON.replace("{user}", user);
        format!(
            "\ndn: {name}\nobjectClass: inetOrgPerson\nuid: {user}\ncn: {user}\nsn: {user}\n\
             userPassword: {password}\n"
        )
    }));
    text
}
