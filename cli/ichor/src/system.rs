//! The clock and the randomness, which the pure crates get as arguments.

use std::time::{SystemTime, UNIX_EPOCH};

use ichor_sops::Timestamp;

use crate::failure::Failure;

/// Does work that needs secret random bytes.
pub(crate) fn with_entropy<T>(work: impl FnOnce(&mut dyn FnMut(&mut [u8])) -> T) -> Result<T, Failure> {
    let mut failed = None;
    let done = work(&mut |bytes| failed = failed.or(getrandom::fill(bytes).err()));
    match failed {
        None => Ok(done),
        Some(error) => Err(Failure::new(format!("the system gives no random bytes: {error}"))),
    }
}

/// Seconds since 1970.
pub(crate) fn unix_now_s() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The time as SOPS files write it.
pub(crate) fn timestamp(unix_s: u64) -> Result<Timestamp, Failure> {
    let (days, second) = (unix_s / 86_400, unix_s % 86_400);
    let (year, month, day) = date(days);
    let text = format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60);
    Timestamp::parse(&text).map_err(|error| Failure::new(format!("the clock shows no usable time: {error}")))
}

/// The date of a day counted from 1970, by years that start in March, so that the leap day is the last one.
fn date(days: u64) -> (u64, u64, u64) {
    let day = days + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day_of_month)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_leap_years_and_centuries() {
        for (unix_s, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_735_689_599, "2024-12-31T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(timestamp(unix_s).unwrap().as_str(), text);
        }
    }
}
