//! The networks: one between balancer and nodes, and one between nodes and databases.
//!
//! In namespaces each is a bridge, and every server has a cable to it, which can be pulled out:
//!
//! ```text
//!  10.77.1.1 balancer ═══ front ═══ 10.77.1.11, .12, .13 nodes
//!  10.77.2.1 commands ═══ back  ═══ 10.77.2.11, .12, .13 nodes; .2, .3 databases
//! ```
//!
//! On the loopback interface, each node has a [`Relay`] to each database instead.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;

use testkit::postgres::Place;

use crate::Error;
use crate::relay::Relay;

/// The port of the nodes in their namespaces.
const PORT: u16 = 8080;

/// The networks of a run.
#[derive(Debug)]
pub(crate) enum Network {
    /// By node, its ways to the databases.
    Loopback(Vec<Vec<Relay>>),
    /// The addresses of the databases.
    Namespaces(Vec<SocketAddr>),
}

impl Network {
    /// Networks on the loopback interface.
    pub(crate) fn loopback() -> Self {
        Self::Loopback(Vec::new())
    }

    /// Networks in namespaces, for so many nodes and databases.
    ///
    /// # Errors
    ///
    /// [`Error::Network`] when the system does not allow it.
    pub(crate) fn namespaces(nodes: usize, databases: usize) -> Result<Self, Error> {
        ip("link set lo up")?;
        for (bridge, net) in [("front", 1), ("back", 2)] {
            ip(&format!("link add {bridge} type bridge"))?;
            ip(&format!("addr add 10.77.{net}.1/24 dev {bridge}"))?;
            ip(&format!("link set {bridge} up"))?;
        }
        for node in 0..nodes {
            let name = format!("node{node}");
            add_namespace(&name)?;
            plug_in(&name, "front", node_host(1, node))?;
            plug_in(&name, "back", node_host(2, node))?;
        }
        for database in 0..databases {
            let name = format!("db{database}");
            add_namespace(&name)?;
            plug_in(&name, "back", database_host(database))?;
        }
        Ok(Self::Namespaces(Vec::new()))
    }

    /// Where a database is to run.
    pub(crate) fn place(&self, database: usize) -> Place {
        match self {
            Self::Loopback(_) => Place::default(),
            Self::Namespaces(_) => Place {
                host: database_host(database),
                enter: enter(&format!("db{database}")),
            },
        }
    }

    /// Connects nodes and databases.
    ///
    /// # Errors
    ///
    /// [`Error::Network`].
    pub(crate) fn connect(&mut self, nodes: usize, databases: &[SocketAddr]) -> Result<(), Error> {
        match self {
            Self::Namespaces(addresses) => databases.clone_into(addresses),
            Self::Loopback(relays) => {
                for _ in 0..nodes {
                    let ways: Result<Vec<_>, _> = databases
                        .iter()
                        .map(|server| Relay::start(*server))
                        .collect();
                    relays.push(ways.map_err(|error| Error::network("a relay", error))?);
                }
            }
        }
        Ok(())
    }

    /// Where a node sees the databases.
    pub(crate) fn databases(&self, node: usize) -> Vec<SocketAddr> {
        match self {
            Self::Loopback(relays) => relays[node].iter().map(Relay::address).collect(),
            Self::Namespaces(addresses) => addresses.clone(),
        }
    }

    /// The words that enter a node's place.
    pub(crate) fn enter(&self, node: usize) -> Vec<String> {
        match self {
            Self::Loopback(_) => Vec::new(),
            Self::Namespaces(_) => enter(&format!("node{node}")),
        }
    }

    /// Where a node listens at first.
    pub(crate) fn listen(&self, node: usize) -> String {
        match self {
            Self::Loopback(_) => "127.0.0.1:0".to_owned(),
            Self::Namespaces(_) => SocketAddr::new(node_host(1, node), PORT).to_string(),
        }
    }

    /// Takes a node's way to the databases away.
    ///
    /// # Errors
    ///
    /// [`Error::Network`].
    pub(crate) fn cut(&self, node: usize) -> Result<(), Error> {
        match self {
            Self::Loopback(relays) => relays[node].iter().for_each(Relay::cut),
            Self::Namespaces(_) => ip(&format!("link set back-node{node} down"))?,
        }
        Ok(())
    }

    /// Gives it back.
    ///
    /// # Errors
    ///
    /// [`Error::Network`].
    pub(crate) fn heal(&self, node: usize) -> Result<(), Error> {
        match self {
            Self::Loopback(relays) => relays[node].iter().for_each(Relay::heal),
            Self::Namespaces(_) => ip(&format!("link set back-node{node} up"))?,
        }
        Ok(())
    }

    /// Pulls a database's cable out, where it has one.
    ///
    /// # Errors
    ///
    /// [`Error::Network`].
    pub(crate) fn unplug(&self, database: usize) -> Result<(), Error> {
        match self {
            Self::Loopback(_) => Ok(()),
            Self::Namespaces(_) => ip(&format!("link set back-db{database} down")),
        }
    }
}

fn node_host(net: u8, node: usize) -> IpAddr {
    Ipv4Addr::new(10, 77, net, 11 + node as u8).into()
}

fn database_host(database: usize) -> IpAddr {
    Ipv4Addr::new(10, 77, 2, 2 + database as u8).into()
}

fn enter(namespace: &str) -> Vec<String> {
    ["ip", "netns", "exec", namespace].map(str::to_owned).into()
}

fn add_namespace(name: &str) -> Result<(), Error> {
    ip(&format!("netns add {name}"))?;
    ip(&format!("-n {name} link set lo up"))
}

/// Lays a cable from a namespace to a bridge.
fn plug_in(namespace: &str, bridge: &str, host: IpAddr) -> Result<(), Error> {
    let end = format!("{bridge}-{namespace}");
    ip(&format!(
        "link add {end} type veth peer name {bridge} netns {namespace}"
    ))?;
    ip(&format!("link set {end} master {bridge} up"))?;
    ip(&format!("-n {namespace} addr add {host}/24 dev {bridge}"))?;
    ip(&format!("-n {namespace} link set {bridge} up"))
}

fn ip(arguments: &str) -> Result<(), Error> {
    let output = Command::new("ip").args(arguments.split(' ')).output();
    let what = format!("ip {arguments}");
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(Error::network(
            what,
            String::from_utf8_lossy(&output.stderr),
        )),
        Err(error) => Err(Error::network(what, error)),
    }
}
