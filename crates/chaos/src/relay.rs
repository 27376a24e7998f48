//! A way from a port of the loopback interface to a server, which can be cut.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Passes connections on until it is cut; then they end, and new ones end at once.
#[derive(Debug)]
pub(crate) struct Relay {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    is_cut: bool,
    begun: u64,
    /// Both ends of each connection.
    open: BTreeMap<u64, [TcpStream; 2]>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Relay {
    /// A way to `server`.
    pub(crate) fn start(server: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let shared = Arc::clone(&shared);
                // an error ends the connection, which is what both ends are to see
                thread::spawn(move || serve(client, server, &shared));
            }
        });
        Ok(Self { address, state })
    }

    /// Where it begins.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends all connections and lets no other come about.
    pub(crate) fn cut(&self) {
        let mut state = lock(&self.state);
        state.is_cut = true;
        for end in std::mem::take(&mut state.open).values().flatten() {
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    /// Passes connections on again.
    pub(crate) fn heal(&self) {
        lock(&self.state).is_cut = false;
    }
}

fn serve(client: TcpStream, server: SocketAddr, shared: &Mutex<State>) -> io::Result<()> {
    if lock(shared).is_cut {
        return Ok(());
    }
    let server = TcpStream::connect(server)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let number = {
        let mut state = lock(shared);
        if state.is_cut {
            return Ok(());
        }
        state.begun += 1;
        let number = state.begun;
        let ends = [client.try_clone()?, server.try_clone()?];
        state.open.insert(number, ends);
        number
    };
    thread::scope(|scope| {
        scope.spawn(|| pass(&client, &server));
        pass(&server, &client);
    });
    lock(shared).open.remove(&number);
    Ok(())
}

/// Passes bytes on until either end is gone, and then neither is there.
fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::io::{Read as _, Write as _};

    use super::*;

    /// A server that sends back what it gets.
    fn echo() -> SocketAddr {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || io::copy(&mut &stream, &mut &stream));
            }
        });
        address
    }

    fn talk(mut stream: &TcpStream) -> Option<u8> {
        stream.write_all(&[7]).ok()?;
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        Some(byte[0])
    }

    #[test]
    fn a_cut_ends_connections_until_it_is_healed() {
        let relay = Relay::start(echo()).unwrap();
        let first = TcpStream::connect(relay.address()).unwrap();
        assert_eq!(talk(&first), Some(7));
        relay.cut();
        assert_eq!(talk(&first), None);
        assert_eq!(talk(&TcpStream::connect(relay.address()).unwrap()), None);
        relay.heal();
        assert_eq!(talk(&first), None);
        assert_eq!(talk(&TcpStream::connect(relay.address()).unwrap()), Some(7));
    }
}
