//! DA → days since 1970-01-01. PS3.5 §6.2

/// The day that `YYYYMMDD` names, or `YYYY.MM.DD` as ACR-NEMA wrote it; none where it names none.
pub(crate) fn days(text: &[u8]) -> Option<i32> {
    let (year, month, day) = match text {
        [y @ .., b'.', m1, m2, b'.', d1, d2] if y.len() == 4 => {
            (number(y)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
        }
        [y @ .., m1, m2, d1, d2] if y.len() == 4 => {
            (number(y)?, number(&[*m1, *m2])?, number(&[*d1, *d2])?)
        }
        _ => return None,
    };
    if !(1..=12).contains(&month) || day < 1 || day > days_of(year, month) {
        return None;
    }
    // Days from the civil calendar: years begin in March, so that the leap day is the last.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    Some(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
}

fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0i32, |n, digit| {
        Some(n * 10 + i32::from(digit.checked_sub(b'0').filter(|d| *d < 10)?))
    })
}

fn days_of(year: i32, month: i32) -> i32 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_four_centuries_follows_the_one_before() {
        let mut expected = days(b"16000101").unwrap();
        for year in 1600..2000 {
            for month in 1..=12 {
                for day in 1..=days_of(year, month) {
                    assert_eq!(
                        days(format!("{year:04}{month:02}{day:02}").as_bytes()),
                        Some(expected)
                    );
                    expected += 1;
                }
            }
        }
        assert_eq!(days(b"20000101"), Some(expected));
        assert_eq!(
            (days(b"19700101"), days(b"19691231"), days(b"20240611")),
            (Some(0), Some(-1), Some(19885))
        );
        assert_eq!(days(b"2024.06.11"), Some(19885));
    }

    #[test]
    fn what_names_no_day() {
        for text in [
            "",
            "2024",
            "20230229",
            "20241301",
            "20240100",
            "2024061x",
            "2024-06-11",
            "202406111",
            "0",
            "-0240611",
        ] {
            assert_eq!(days(text.as_bytes()), None, "{text}");
        }
    }
}
