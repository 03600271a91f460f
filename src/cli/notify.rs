//! The service manager, as the environment names it.

use std::ffi::OsString;
use std::time::Duration;

use crate::link::notify::Notifier;

/// Tells the service manager that started this process, or nobody.
pub(super) fn notifier() -> Notifier {
    from(|name| std::env::var_os(name), std::process::id())
}

fn from(env: impl Fn(&str) -> Option<OsString>, own_pid: u32) -> Notifier {
    let Some(socket) = env("NOTIFY_SOCKET") else { return Notifier::nobody() };
    let number = |name| env(name).and_then(|text| text.to_str()?.parse::<u64>().ok());
    // The watchdog of a process that started this one is not fed from here.
    let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(own_pid));
    let watchdog = number("WATCHDOG_USEC").filter(|micros| meant && *micros > 0).map(Duration::from_micros);
    Notifier::to(&socket, watchdog)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watchdog(pairs: &[(&str, &str)]) -> Option<Duration> {
        let env = |name: &str| {
            pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        from(env, 7).watchdog()
    }

    #[test]
    fn the_watchdog_is_fed_when_it_is_meant() {
        let socket = ("NOTIFY_SOCKET", "/run/systemd/notify");
        let minutes = Some(Duration::from_mins(2));
        assert_eq!(watchdog(&[socket, ("WATCHDOG_USEC", "120000000")]), minutes);
        assert_eq!(watchdog(&[socket, ("WATCHDOG_USEC", "120000000"), ("WATCHDOG_PID", "7")]), minutes);
        assert_eq!(watchdog(&[socket, ("WATCHDOG_USEC", "120000000"), ("WATCHDOG_PID", "8")]), None);
        assert_eq!(watchdog(&[("WATCHDOG_USEC", "120000000")]), None);
        for wrong in ["", "0", "-1", "2min"] {
            assert_eq!(watchdog(&[socket, ("WATCHDOG_USEC", wrong)]), None, "{wrong}");
        }
    }
}
