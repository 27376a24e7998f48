//! What a process has cost: processor time and memory, as the kernel counts them in `/proc`.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::Outcome;

/// Length of the kernel's tick in `/proc/PID/stat`: `USER_HZ` is 100 on every Linux.
const TICK: Duration = Duration::from_millis(10);

/// Processor time, user and system, of all threads of a process since it began. Its resolution is
/// about a millisecond where the kernel keeps `schedstat`, else that of a tick.
pub(crate) fn cpu(pid: u32) -> Outcome<Duration> {
    let folder = PathBuf::from(format!("/proc/{pid}"));
    // the one forgets threads that have ended, the other rounds down
    Ok(ticks(&folder, false)?.max(scheduled(&folder)?))
}

/// The sum over the threads that run now.
fn scheduled(process: &Path) -> Outcome<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(process.join("task"))? {
        // a thread may end meanwhile, and the file is missing in some kernels
        let text = fs::read_to_string(thread?.path().join("schedstat")).unwrap_or_default();
        let nanoseconds = text.split_whitespace().next().unwrap_or_default();
        sum += Duration::from_nanos(nanoseconds.parse().unwrap_or_default());
    }
    Ok(sum)
}

/// User and system time in ticks, on request with that of the children that were waited for.
fn ticks(process: &Path, with_children: bool) -> Outcome<Duration> {
    let text = fs::read_to_string(process.join("stat"))?;
    let fields = if with_children { 4 } else { 2 };
    parse_ticks(&text, fields).ok_or_else(|| format!("{} is unusual", process.display()).into())
}

/// The sum of the first of utime, stime, cutime and cstime (proc(5), `/proc/PID/stat`).
fn parse_ticks(stat: &str, fields: usize) -> Option<Duration> {
    // the program's name, the second field, may itself have blanks and parentheses
    let (_, rest) = stat.rsplit_once(')')?;
    let times = rest.split_whitespace().skip(11).take(fields);
    let ticks: u32 = times.map(str::parse::<u32>).sum::<Result<_, _>>().ok()?;
    Some(TICK * ticks)
}

/// The most memory that a process has had resident (`VmHWM`), MiB.
pub(crate) fn peak_memory(pid: u32) -> Outcome<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    parse_peak(&text).ok_or_else(|| format!("/proc/{pid}/status has no VmHWM").into())
}

fn parse_peak(status: &str) -> Option<f64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib / 1024.0)
}

/// Processor time of all processes whose environment names `home`, with their children that have
/// ended: a service made of several programs.
pub(crate) fn cpu_of_service(home: &Path) -> Outcome<Duration> {
    let home = home.to_string_lossy();
    let mut sum = Duration::ZERO;
    for entry in fs::read_dir("/proc")? {
        let process = entry?.path();
        // what is no process, or has ended, or is another user's
        let Ok(environment) = fs::read(process.join("environ")) else {
            continue;
        };
        if String::from_utf8_lossy(&environment).contains(home.as_ref()) {
            sum += ticks(&process, true).unwrap_or_default();
        }
    }
    Ok(sum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_found_behind_an_odd_name() {
        let stat = "7 (a ) b) S 1 7 7 0 -1 4194560 9 8 7 6 120 30 4 5 20 0 1 0";
        assert_eq!(parse_ticks(stat, 2), Some(Duration::from_millis(1500)));
        assert_eq!(parse_ticks(stat, 4), Some(Duration::from_millis(1590)));
        assert_eq!(parse_ticks("7 (a) S 1", 2), Some(Duration::ZERO));
        assert_eq!(parse_ticks("7", 2), None);
    }

    #[test]
    fn the_peak_is_in_mebibytes() {
        assert_eq!(parse_peak("Name:\tx\nVmHWM:\t    2048 kB\n"), Some(2.0));
        assert_eq!(parse_peak("Name:\tx\n"), None);
    }
}
