//! What becomes of a message on its way.

use fastrand::Rng;
use session::server::Scheme;

/// A message of a device, as it is posted.
#[derive(Debug, Clone)]
pub(crate) struct Posted {
    pub(crate) url: String,
    pub(crate) body: Vec<u8>,
    /// What the transport's header proves of the sender.
    pub(crate) mac: Option<String>,
}

impl Posted {
    /// The session's token, where the device followed `RespURI`.
    pub(crate) fn token(&self) -> Option<&str> {
        self.url.split_once("?sid=").map(|(_, token)| token)
    }

    /// The message as far as it came.
    pub(crate) fn cut(mut self, end: usize) -> Self {
        self.body.truncate(end);
        self
    }
}

/// What happens around one message, or in place of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Luck {
    /// It arrives, and so does the answer.
    Fine,
    /// The device loses power before it does anything.
    DeviceDown,
    /// The device loses power after so many calls of its datastores.
    DeviceFails(u32),
    /// The device gives the session up.
    HangsUp,
    /// The device suspends the session with its next message.
    Suspends,
    /// The message is lost.
    Lost,
    /// The answer is lost.
    AnswerLost,
    /// The server goes down after so many writes.
    ServerFails(u32),
    /// The server has no time for it now, and is asked for the answer later.
    Busy,
    /// The message arrives twice, and the second answer is taken.
    Twice,
    /// The server gets the beginning only.
    Cut,
    /// The device gets the beginning of the answer only.
    AnswerCut,
    /// A message of long ago arrives before it.
    Late,
}

/// How bad the network of a run is.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Weather {
    /// Of so many messages about 40 meet something.
    of: u32,
    /// Of a hundred messages so many come when the server is busy.
    busy: u32,
}

impl Weather {
    pub(crate) fn new(rng: &mut Rng) -> Self {
        Self {
            of: [100, 100, 300, 1500][rng.usize(..4)],
            busy: [0, 0, 2, 20][rng.usize(..4)],
        }
    }

    pub(crate) fn luck(self, rng: &mut Rng) -> Luck {
        if rng.u32(..100) < self.busy {
            return Luck::Busy;
        }
        match rng.u32(..self.of) {
            0..3 => Luck::DeviceDown,
            3..8 => Luck::DeviceFails(rng.u32(..60)),
            8..10 => Luck::HangsUp,
            10..12 => Luck::Suspends,
            12..16 => Luck::Lost,
            16..21 => Luck::AnswerLost,
            21..27 => Luck::ServerFails(rng.u32(..40)),
            27..31 => Luck::Twice,
            31..33 => Luck::Cut,
            33..35 => Luck::AnswerCut,
            35..40 => Luck::Late,
            _ => Luck::Fine,
        }
    }

    /// Whether a copy of a message is held up somewhere, to arrive late.
    pub(crate) fn holds_copy(self, rng: &mut Rng) -> bool {
        rng.u32(..self.of) < 8
    }
}

/// How the server of a run asks for logins.
pub(crate) fn scheme(rng: &mut Rng) -> Scheme {
    [Scheme::Md5, Scheme::Md5, Scheme::Basic, Scheme::Mac][rng.usize(..4)]
}
