//! M1, S7: how long the gateway's own certificate still lasts.

/// Below this the certificate is `fail`: nobody renews one within hours on a good day.
const FAIL_BELOW_DAYS: i64 = 1;
/// Below this it is `warn`: a month is the usual notice (testssl.sh warns at 30 days).
const WARN_BELOW_DAYS: i64 = 30;

/// What is known of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lasting {
    /// Days until it expires, and whether that is soon for one of its lifetime.
    Days {
        /// Whole days; negative once expired.
        left: i64,
        /// `pass`, `warn` or `fail`.
        status: &'static str,
    },
    /// It cannot be read as a certificate.
    Unreadable(String),
}

/// Reads a certificate's DER. `now_s`: Unix seconds.
#[must_use]
pub fn lasting(der: &[u8], now_s: i64) -> Lasting {
    match x509_parser::parse_x509_certificate(der) {
        Ok((_, certificate)) => {
            let validity = certificate.validity();
            let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
            let left = (until - now_s).div_euclid(86_400);
            // A short-lived certificate is renewed late in its life by design: a third of it is notice enough.
            let notice = WARN_BELOW_DAYS.min((until - from) / 86_400 / 3);
            let status = if until - now_s < FAIL_BELOW_DAYS * 86_400 {
                "fail"
            } else if left < notice {
                "warn"
            } else {
                "pass"
            };
            Lasting::Days { left, status }
        }
        Err(error) => Lasting::Unreadable(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn certificate(days: i64) -> (Vec<u8>, i64) {
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after =
            rcgen::date_time_ymd(2026, 1, 1) + std::time::Duration::from_secs(days as u64 * 86_400);
        let key = rcgen::KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        (der, 1_767_225_600) // 2026-01-01
    }

    #[test]
    fn a_certificate_warns_a_month_ahead_or_a_third_of_its_life_and_fails_on_its_last_day() {
        let (der, start) = certificate(90);
        let day = 86_400;
        assert_eq!(
            lasting(&der, start),
            Lasting::Days {
                left: 90,
                status: "pass"
            }
        );
        assert_eq!(
            lasting(&der, start + 61 * day),
            Lasting::Days {
                left: 29,
                status: "warn"
            }
        );
        assert_eq!(
            lasting(&der, start + 90 * day - 3600),
            Lasting::Days {
                left: 0,
                status: "fail"
            }
        );
        let (short, start) = certificate(6);
        assert_eq!(
            lasting(&short, start),
            Lasting::Days {
                left: 6,
                status: "pass"
            }
        );
        assert!(matches!(
            lasting(b"no certificate", start),
            Lasting::Unreadable(_)
        ));
    }
}
