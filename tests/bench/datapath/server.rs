//! What answers in a pod.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::client::{ASK_ONCE, SIZE};
use crate::inside::pin;

/// More than clients open at once, so that nobody waits for a thread.
const THREADS: usize = 24;

pub(crate) fn serve(address: SocketAddr) {
    pin(1);
    let listener = TcpListener::bind(address).unwrap();
    println!("ready");
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for connection in listener.incoming().flatten() {
                    // Whoever goes away has what it wanted.
                    let _gone = talk(connection);
                }
            });
        }
    });
}

fn talk(mut connection: TcpStream) -> std::io::Result<()> {
    connection.set_nodelay(true)?;
    let mut request = [0; SIZE];
    loop {
        connection.read_exact(&mut request)?;
        connection.write_all(&request)?;
        if request[0] == ASK_ONCE {
            // This end closes first, so the client's port is free again at once.
            return connection.shutdown(std::net::Shutdown::Both);
        }
    }
}
