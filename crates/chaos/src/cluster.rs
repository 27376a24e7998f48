//! The servers: nodes, and a database with its replica.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::Availability;
use testkit::postgres::{self, Disk, Postgres};
use testkit::process::{PATIENCE, Server};
use testkit::syncline::Installation;

use crate::balancer::Balancer;
use crate::device::{PASSWORD, account_name};
use crate::network::Network;
use crate::plan::Act;
use crate::{Error, Options};

/// The name of the database.
const DATABASE: &str = "postgres";

/// All servers of a run.
pub(crate) struct Cluster {
    program: PathBuf,
    network: Network,
    /// The primary and the replica of the beginning.
    databases: [Postgres; 2],
    /// Which of them is written to.
    primary: usize,
    nodes: Vec<Node>,
    balancer: Balancer,
    /// The logs of the nodes.
    folder: TempDir,
}

#[derive(Debug, Default)]
struct Node {
    /// `None` while it is killed, or could not be started.
    server: Option<Server>,
    /// Where it listens, once it has.
    address: Option<String>,
    is_wanted: bool,
}

impl Cluster {
    /// Starts databases and nodes, and makes the accounts.
    ///
    /// # Errors
    ///
    /// [`Error::Program`], [`Error::Network`].
    pub(crate) fn start(
        options: &Options,
        installed: Availability,
        balancer: Balancer,
    ) -> Result<Self, Error> {
        let mut network = if options.namespaces {
            Network::namespaces(options.nodes, 2)?
        } else {
            Network::loopback()
        };
        let primary = Postgres::start_at(installed, Disk::Durable, &network.place(0))?;
        let replica = primary.replica(&network.place(1))?;
        network.connect(options.nodes, &[primary.address(), replica.address()])?;
        let folder = tempfile::tempdir().map_err(|error| Error::network("a folder", error))?;
        let mut cluster = Self {
            program: options.program.clone(),
            network,
            databases: [primary, replica],
            primary: 0,
            nodes: Vec::new(),
            balancer,
            folder,
        };
        let commands = cluster.commands()?;
        for account in 0..options.accounts {
            commands.add_user(&account_name(account), PASSWORD)?;
        }
        cluster.nodes.resize_with(options.nodes, Node::default);
        for node in 0..options.nodes {
            cluster.nodes[node].is_wanted = true;
            cluster.start_node(node)?;
        }
        Ok(cluster)
    }

    /// Does a step of the plan.
    ///
    /// # Errors
    ///
    /// [`Error::Program`], [`Error::Network`].
    pub(crate) fn act(&mut self, act: Act) -> Result<(), Error> {
        match act {
            Act::Kill(node) => {
                self.nodes[node].is_wanted = false;
                if let Some(server) = self.nodes[node].server.take() {
                    server.kill();
                }
            }
            Act::Start(node) => self.nodes[node].is_wanted = true,
            Act::Cut(node) => self.network.cut(node)?,
            Act::Heal(node) => self.network.heal(node)?,
            Act::LosePrimary => {
                self.network.unplug(self.primary)?;
                self.databases[self.primary].kill()?;
            }
            Act::Promote => {
                self.primary = 1;
                self.databases[1].promote()?;
            }
        }
        // as a service manager does, until the database lets a node start
        for node in 0..self.nodes.len() {
            if self.nodes[node].is_wanted && self.nodes[node].server.is_none() {
                let _ = self.start_node(node);
            }
        }
        Ok(())
    }

    /// Starts every node that does not run, after the last step of the plan.
    ///
    /// # Errors
    ///
    /// [`Error::Program`] when one does not start although it could.
    pub(crate) fn mend(&mut self) -> Result<(), Error> {
        for node in 0..self.nodes.len() {
            let began = Instant::now();
            while self.nodes[node].server.is_none() {
                match self.start_node(node) {
                    Err(error) if began.elapsed() > PATIENCE => return Err(error),
                    Err(_) => thread::sleep(Duration::from_millis(100)),
                    Ok(()) => {}
                }
            }
        }
        Ok(())
    }

    /// Runs commands over the state, past all that was cut.
    ///
    /// # Errors
    ///
    /// [`Error::Program`].
    pub(crate) fn commands(&self) -> Result<Installation, Error> {
        let url = self.databases[self.primary].url(DATABASE);
        Ok(Installation::with_database(&self.program, url)?)
    }

    fn start_node(&mut self, number: usize) -> Result<(), Error> {
        let places = self.network.databases(number);
        let url = format!(
            "{}?target_session_attrs=read-write&connect_timeout=2&sslmode=disable",
            postgres::url_at(&places, DATABASE)
        );
        let node = &mut self.nodes[number];
        let listen = node.address.clone();
        let listen = listen.unwrap_or_else(|| self.network.listen(number));
        let server = Server::start_in(
            &self.network.enter(number),
            &self.program,
            self.folder.path().join(format!("node{number}.log")),
            &listen,
            &["--database", &url, "--behind-proxy"],
        )?;
        let address = server.address().to_owned();
        if let Ok(address) = address.parse::<SocketAddr>() {
            self.balancer.set_node(number, address);
        }
        node.address = Some(address);
        node.server = Some(server);
        Ok(())
    }
}
