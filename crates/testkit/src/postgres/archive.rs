//! A server whose write-ahead log is kept, so that it can be brought back to any moment since a copy of
//! its files: what an operator has against the one who deletes the wrong thing.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Instant;

use super::{Home, PATIENCE, Place, Postgres, finish};
use crate::Error;

/// Where a server keeps its log.
#[derive(Debug, Clone)]
pub struct Archive {
    folder: PathBuf,
}

/// The files of a server as they were, with the log that leads on from there.
#[derive(Debug)]
pub struct Copy {
    home: Home,
    archive: Archive,
}

impl Postgres {
    /// Starts it again as one that keeps its log. The folder goes with the server.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Failed`] with what the server said, [`Error::NotListening`].
    pub fn archive(&mut self) -> Result<Archive, Error> {
        let folder = self.folder.join("archive");
        fs::create_dir(&folder).map_err(Error::io("the log's folder"))?;
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o777))
            .map_err(Error::io("the log's folder"))?;
        let keep = format!("cp \"%p\" \"{}/%f\"", folder.display());
        for setting in ["archive_mode = on", &format!("archive_command = '{keep}'")] {
            self.sql("postgres", &format!("ALTER SYSTEM SET {setting}"))?;
        }
        self.stop()?;
        self.start_again()?;
        Ok(Archive { folder })
    }

    /// Copies its files while it runs.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what the server said.
    pub fn copy(&self, archive: &Archive) -> Result<Copy, Error> {
        let home = Home::new()?;
        let mut copy = home.command("/usr/bin/pg_basebackup".as_ref());
        copy.args(["--checkpoint=fast", "--no-sync"])
            .args(["--dbname", &self.url("postgres"), "--pgdata"])
            .arg(home.folder.join("data"));
        finish(copy, "pg_basebackup")?;
        Ok(Copy {
            home,
            archive: archive.clone(),
        })
    }

    /// Gives the present moment a name, and waits until the log up to it is kept.
    ///
    /// # Errors
    ///
    /// [`Error::Failed`] with what the server said, [`Error::NotListening`] when nothing is kept.
    pub fn mark(&self, name: &str) -> Result<(), Error> {
        let point = format!("SELECT pg_create_restore_point('{name}')");
        self.sql("postgres", &point)?;
        let kept = "SELECT pg_walfile_name(pg_switch_wal())";
        let file = self.sql("postgres", kept)?;
        let is_kept = format!(
            "SELECT 1 FROM pg_stat_archiver WHERE last_archived_wal >= '{}'",
            file.trim()
        );
        self.wait_until(|| {
            self.sql("postgres", &is_kept)
                .is_ok_and(|row| !row.is_empty())
        })
    }
}

impl Copy {
    /// Starts a server over the files, brought to a moment that [`Postgres::mark`] has named.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::NotListening`] when it does not get there.
    pub fn recover(self, name: &str) -> Result<Postgres, Error> {
        let data = self.home.folder.join("data");
        let fetch = format!("cp \"{}/%f\" \"%p\"", self.archive.folder.display());
        let settings = format!(
            "restore_command = '{fetch}'\nrecovery_target_name = '{name}'\n\
             recovery_target_action = 'promote'\narchive_mode = off\n"
        );
        let path = data.join("postgresql.auto.conf");
        let file = fs::File::options().append(true).open(&path);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, settings.as_bytes()))
            .map_err(Error::io("PostgreSQL's settings"))?;
        fs::write(data.join("recovery.signal"), "").map_err(Error::io("recovery.signal"))?;
        let server = self.home.serve(&Place::default())?;
        let began = Instant::now();
        while server.sql("postgres", "SELECT pg_is_in_recovery()")? != "f" {
            if began.elapsed() > PATIENCE {
                return Err(server.not_listening());
            }
        }
        Ok(server)
    }
}
