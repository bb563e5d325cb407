//! S7: another master key: every data key is wrapped anew, in one transaction, and no row is touched.
//!
//! Steps: read and unwrap all data keys; wrap each under the new key and open it again; replace all wrappings at once;
//! hold the new key. Before the third the old key opens the store, after it the new one: there is no step at which
//! both do, or neither.
//!
//! Never: replaces a data key (the hashes of users must stay what they are), or keeps a key that did not open.

use std::sync::PoisonError;

use super::rotate::SealChange;
use super::{KeyringError, MasterKey, SealError, data_keys};
use crate::Store;
use crate::backend::{SET_META, Statement, Value};
use crate::writer::Work;

/// `meta` entry: the fingerprint of the master key before this one, and when it was replaced. It only serves to say
/// what is the matter when someone still comes with the old key.
pub(crate) const REPLACED: &str = "master_replaced";

/// What the replacement of a master key did.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Replaced {
    /// Data keys that are wrapped anew.
    pub data_keys: u64,
    /// Tells the new key from another one: 16 hexadecimal digits. `golive seal status` shows the same.
    pub master: String,
}

impl Store {
    /// Wraps every data key under `new`. When this returns, the old master key opens nothing any more; what is under
    /// way in this process goes on.
    ///
    /// # Errors
    /// Another change is under way, `new` is the key in use, or the database failed: then the old key still holds.
    pub async fn replace_master_key(&self, new: MasterKey, now_us: i64) -> Result<Replaced, SealChange> {
        let shared = self.writer().shared();
        let _alone = shared.rotations.alone()?;
        let (old, wrapping) = (shared.master().fingerprint()?, new.wrapping_key()?);
        let fingerprint = new.fingerprint()?;
        if old == fingerprint {
            return Err(SealChange::SameMasterKey);
        }
        let master = shared.master().duplicate();
        let keys = data_keys::unwrapped(self.backend(), &master).await?;
        let mut work = Work::default();
        for key in &keys {
            let wrapped = key.wrap(&wrapping)?;
            if !key.is_in(&wrapped, &wrapping) {
                return Err(SealError::Library.into());
            }
            work.statements.push(Statement::new(
                REWRAP,
                vec![
                    Value::bytes(&wrapped),
                    Value::text(&fingerprint),
                    i64::from(key.id).into(),
                ],
            ));
        }
        work.statements.push(Statement::new(
            SET_META,
            vec![Value::text(REPLACED), Value::text(&format!("{old} {now_us}"))],
        ));
        let written = self.writer().work(work).await;
        if let Err(refused) = written {
            // The answer may have been lost and not the work: only the database knows which key opens it now.
            match data_keys::unwrapped(self.backend(), &new).await {
                Ok(_) => {}
                Err(KeyringError::Seal(SealError::WrongMaster)) => return Err(refused.into()),
                Err(_) => return Err(SealChange::Unknown),
            }
        }
        *shared.master.lock().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(Replaced {
            data_keys: keys.len() as u64,
            master: fingerprint,
        })
    }
}

const REWRAP: &str = "UPDATE data_keys SET wrapped = $1, master = $2 WHERE id = $3";
