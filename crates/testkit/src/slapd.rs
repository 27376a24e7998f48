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
    encrypted: Option<String>,
    _folder: TempDir,
}

impl Slapd {
    /// Starts a directory that knows these people, each a short name and a password.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] when the people cannot be added, [`Error::NotListening`] when it does not
    /// start.
    pub fn start(installed: Availability, people: &[(&str, &str)]) -> Result<Self, Error> {
        Self::start_with(installed, people, None)
    }

    /// [`Slapd::start`] with a certificate for `localhost` and its key, as PEM: connections may be encrypted,
    /// from their beginning at a port of their own or later.
    ///
    /// # Errors
    ///
    /// Those of [`Slapd::start`].
    pub fn start_with(
        _installed: Availability,
        people: &[(&str, &str)],
        certificate: Option<[&str; 2]>,
    ) -> Result<Self, Error> {
        let folder = tempfile::Builder::new()
            .prefix("slapd-")
            .tempdir()
            .map_err(Error::io("a temporary folder"))?;
        let config = folder.path().join("slapd.conf");
        let entries = folder.path().join("people.ldif");
        let mut text = configuration(folder.path());
        if let Some(parts) = certificate {
            let names = ["TLSCertificateFile", "TLSCertificateKeyFile"];
            let mut lines = String::new();
            for (name, part) in names.into_iter().zip(parts) {
                let path = folder.path().join(name);
                write(&path, part)?;
                lines.extend([name, " ", &path.to_string_lossy(), "\n"]);
            }
            // what is of the whole stands before what is of a database
            text = text.replacen("database ", &format!("{lines}database "), 1);
        }
        write(&config, &text)?;
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
        let encrypted = match certificate {
            Some(_) => Some(format!("ldaps://localhost:{}", free_port()?)),
            None => None,
        };
        let addresses = [Some(url.as_str()), encrypted.as_deref()];
        let addresses: Vec<&str> = addresses.into_iter().flatten().collect();
        let child = Command::new(PROGRAM)
            .args(["-d", "0", "-f", &config, "-h", &addresses.join(" ")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(Error::io(format!("start {PROGRAM}")))?;
        let mut started = Self {
            child,
            url,
            encrypted,
            _folder: folder,
        };
        started.wait_for(port)?;
        Ok(started)
    }

    /// Where it is, as `ldap://HOST:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where connections are encrypted from their beginning, as `ldaps://HOST:PORT`, if it has a certificate.
    pub fn encrypted_url(&self) -> Option<&str> {
        self.encrypted.as_deref()
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
