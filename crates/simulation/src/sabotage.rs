//! Rules that are broken on purpose, to see that the checks find it.

/// A rule of the server's state, of the server or of a device that does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// The server does not know an item's former versions.
    ForgetHistory,
    /// The server takes anchors over as soon as changes begin.
    AnchorsEarly,
    /// The server forgets which LUID belongs to what.
    ForgetMaps,
    /// The server matches no items by content.
    MatchNothing,
    /// The server does not find the deleted record that a comparison brings back.
    ForgetTombstones,
    /// The server says that a device has seen everything.
    SeenAll,
    /// The server keeps deletions to itself.
    HideDeletions,
    /// The server keeps some items to itself.
    HideItems,
    /// The server does not keep its last answer: a message that comes again is a new one.
    ForgetAnswer,
    /// A crash of the server keeps what the message had written so far.
    KeepHalf,
    /// Some answers leave without their commit.
    LoseCommit,
    /// A pair of the map stays when its item is gone.
    KeepPairs,
    /// The server takes every device to hold the newest content.
    TrustRevisions,
    /// All devices share one map.
    ShareMaps,
    /// A slow sync or refresh goes on with the old map.
    KeepGeneration,
    /// A refresh from the client removes also what the client sent.
    RefreshRemovesAll,
    /// A refresh from the client removes nothing.
    RefreshRemovesNothing,
    /// The device tells no LUIDs.
    SkipMaps,
    /// The device does not see that its map was acknowledged.
    IgnoreAcknowledgement,
    /// The device makes nothing durable before the session ends.
    DurableAtEnd,
    /// The device takes what it gave out for confirmed.
    ConfirmUnheard,
    /// The device keeps its items in a refresh from the server.
    ClearNothing,
    /// The device keeps its anchors when its map is void.
    KeepAnchors,
    /// The server does not look whether a folder is empty before it deletes it.
    IgnoreChildren,
    /// The server forgets where an item was put.
    ForgetParent,
    /// The device does not know the folder that an item is to be in, and leaves it at the root.
    ForgetFolders,
    /// The server takes what left a device's filter for deleted.
    DeleteFiltered,
    /// The server forgets that a device had another filter before.
    ForgetFilter,
    /// The server loses some of the chunks of an object.
    LoseChunk,
    /// The device keeps some of the chunks of an object twice.
    DoubleChunk,
    /// The server puts an object together in the wrong order.
    MixChunks,
    /// The device forgets what the server has confirmed when it resumes a session.
    ForgetAtResume,
    /// The device says that it has taken what there was no room for.
    TakeBeyondRoom,
    /// The device keeps less of a record than its device information says.
    KeepLess,
    /// The server does not keep the version that a conflict overrules.
    LoseOverruled,
    /// The server's version wins, whatever the owner wants.
    ServerAlwaysWins,
    /// The server makes two items of each conflict, whatever the owner wants.
    AlwaysTwo,
    /// The server does not know any more that the changes of a device wait.
    ForgetHold,
    /// What a session had deleted before its changes began to wait stays so.
    KeepDeeds,
}

impl Sabotage {
    /// All of them.
    pub const ALL: [Self; 39] = [
        Self::ForgetHistory,
        Self::AnchorsEarly,
        Self::ForgetMaps,
        Self::MatchNothing,
        Self::ForgetTombstones,
        Self::SeenAll,
        Self::HideDeletions,
        Self::HideItems,
        Self::ForgetAnswer,
        Self::KeepHalf,
        Self::LoseCommit,
        Self::KeepPairs,
        Self::TrustRevisions,
        Self::ShareMaps,
        Self::KeepGeneration,
        Self::RefreshRemovesAll,
        Self::RefreshRemovesNothing,
        Self::SkipMaps,
        Self::IgnoreAcknowledgement,
        Self::DurableAtEnd,
        Self::ConfirmUnheard,
        Self::ClearNothing,
        Self::KeepAnchors,
        Self::IgnoreChildren,
        Self::ForgetParent,
        Self::ForgetFolders,
        Self::DeleteFiltered,
        Self::ForgetFilter,
        Self::LoseChunk,
        Self::DoubleChunk,
        Self::MixChunks,
        Self::ForgetAtResume,
        Self::TakeBeyondRoom,
        Self::KeepLess,
        Self::LoseOverruled,
        Self::ServerAlwaysWins,
        Self::AlwaysTwo,
        Self::ForgetHold,
        Self::KeepDeeds,
    ];

    /// Whether it shows only where sessions are held for an owner who decides.
    pub(crate) const fn needs_owner(self) -> bool {
        matches!(self, Self::ForgetHold | Self::KeepDeeds)
    }
}
