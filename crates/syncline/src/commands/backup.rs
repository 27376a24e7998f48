//! `syncline backup` and `syncline restore`: copies of the state.

use std::path::{Path, PathBuf};

use store::{Anchors, Postgres, Sqlite};

use crate::cli::{Backup, Restore};
use crate::config::Config;
use crate::report::{Failure, Outcome};
use crate::state::{self, Place};
use crate::{output, world};

pub(super) fn back_up(options: &Backup) -> Outcome {
    let config = Config::load(options.state.config.as_deref())?;
    let path = match state::place(&options.state, &config)? {
        Place::File(path) => path,
        Place::Database(_) => {
            return Err(Failure::usage(
                "this command copies states in SQLite; use pg_dump for a PostgreSQL database",
            ));
        }
    };
    state::is_there(&path)?;
    let copied = Sqlite::back_up(&path, &options.file, options.force);
    let bytes = copied.map_err(|error| match error {
        error @ store::Error::Damaged(_) => Failure::from(error).at(&path),
        error => error.into(),
    })?;
    output::line(format_args!(
        "{} holds the state, {bytes} bytes, checked",
        options.file.display()
    ))
}

pub(super) fn restore(options: &Restore) -> Outcome {
    let config = Config::load(options.state.config.as_deref())?;
    let place = state::place(&options.state, &config)?;
    let Some(file) = &options.file else {
        return take_back(&place, options.keep_anchors);
    };
    let Place::File(path) = place else {
        return Err(Failure::usage(
            "a PostgreSQL database is restored by its own programs; run this command without a \
             file after that",
        ));
    };
    bring_back(file, &path)?;
    output::line(COMPARED)
}

/// What devices make of a state that they are ahead of.
const COMPARED: &str = "every device compares all its items with this state in its next sync";

/// Makes a state that is in its place already fit for servers.
fn take_back(place: &Place, keep_anchors: bool) -> Outcome {
    if let Place::File(path) = place {
        state::is_there(path)?;
    }
    let anchors = if keep_anchors {
        Anchors::Kept
    } else {
        Anchors::Void
    };
    let was_moved = store::reclaim(place, anchors)?;
    match place {
        _ if was_moved && keep_anchors => {
            return output::line("the state is taken back as it was left");
        }
        _ if was_moved => {}
        _ if keep_anchors => {
            return Err(Failure::usage(
                "the state was not moved; there is nothing to take back",
            ));
        }
        Place::Database(url) => Postgres::renew(url)?,
        Place::File(_) => {
            return Err(Failure::usage(
                "no backup was named; give the file that `syncline backup` wrote",
            ));
        }
    }
    output::line(COMPARED)
}

fn bring_back(file: &Path, path: &Path) -> Outcome {
    if let Err(error) = std::fs::metadata(file) {
        return Err(Failure::usage(format_args!(
            "{} cannot be read: {error}; check the path",
            file.display()
        )));
    }
    state::make_folder_of(path)?;
    let was_there = path.exists();
    let aside = aside(path, world::now());
    Sqlite::bring_back(file, path, &aside).map_err(|error| match error {
        error @ store::Error::Damaged(_) => Failure::state(format_args!(
            "{}: {error}; nothing was replaced, choose another backup",
            file.display()
        )),
        // its name has the second in it
        error @ store::Error::Taken { .. } => Failure::state(format_args!("{error}; try again")),
        error => error.into(),
    })?;
    if was_there {
        output::line(format_args!(
            "the state that was there is kept as {}",
            aside.display()
        ))?;
    }
    output::line(format_args!("{} is restored", path.display()))
}

/// Where the state that is replaced goes.
fn aside(path: &Path, now: i64) -> PathBuf {
    let time = world::timestamp(now).unwrap_or_default();
    let time: String = time
        .chars()
        .filter(|letter| letter.is_alphanumeric())
        .collect();
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".replaced-{time}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_replaced_has_its_time_in_its_name() {
        let named = aside(Path::new("d/syncline.db"), 1_000_000_000);
        assert_eq!(named, Path::new("d/syncline.db.replaced-20010909T014640Z"));
    }
}
