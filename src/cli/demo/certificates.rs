//! A certificate authority for this machine's demo only, and a certificate for `localhost` signed by it.
//!
//! Promises keys that only this user can read, made once and used again until they expire. Refuses to know about any
//! other host name: the authority is constrained to `localhost` and loopback, so a leaked key signs nothing else.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rcgen::{
    BasicConstraints, CertificateParams, CidrSubnet, DnType, ExtendedKeyUsagePurpose, GeneralSubtree, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, NameConstraints, SanType,
};
use time::{Duration, OffsetDateTime};

use super::private_files;
use crate::listener::tls::CertificateFiles;
use crate::words::Timestamp;

const VALID_DAYS: i64 = 90;
/// Made anew when fewer days than this are left, so that a demo never expires while somebody looks at it.
const RENEW_BEFORE_DAYS: i64 = 7;

/// What the demo serves and what its clients trust.
pub struct LocalCertificates {
    /// For the gateway's HTTPS listener.
    pub files: CertificateFiles,
    /// PEM of the authority, for clients (`curl --cacert`).
    pub authority: PathBuf,
}

/// Finds the certificates in `folder` or makes them.
///
/// # Errors
/// The folder cannot be written.
pub fn find_or_make(folder: &Path, now: Timestamp) -> anyhow::Result<LocalCertificates> {
    let found = LocalCertificates {
        files: CertificateFiles { certificate: folder.join("localhost.pem"), key: folder.join("localhost.key") },
        authority: folder.join("ca.pem"),
    };
    let made_until = folder.join("valid_until");
    if good_until(&made_until).is_some_and(|until| until > now.unix_seconds() + RENEW_BEFORE_DAYS * 86_400)
        && found.files.load().is_ok()
        && found.authority.is_file()
    {
        return Ok(found);
    }
    let start = OffsetDateTime::from_unix_timestamp(now.unix_seconds()).context("the clock is out of range")?;
    let made = make(start).context("cannot make a certificate for localhost")?;
    private_files::write(&found.authority, &made.authority)?;
    private_files::write(&found.files.certificate, &made.certificate)?;
    private_files::write(&found.files.key, &made.key)?;
    // Written last: a crash half-way leaves no valid_until, and the next start makes everything again.
    private_files::write(&made_until, &(now.unix_seconds() + VALID_DAYS * 86_400).to_string())?;
    Ok(found)
}

fn good_until(file: &Path) -> Option<i64> {
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

struct Made {
    authority: String,
    certificate: String,
    key: String,
}

fn make(start: OffsetDateTime) -> Result<Made, rcgen::Error> {
    let not_before = start - Duration::hours(1);
    let not_after = start + Duration::days(VALID_DAYS);

    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    ca.distinguished_name.push(DnType::CommonName, "Tollgate demo authority (this machine only)");
    ca.name_constraints = Some(NameConstraints {
        permitted_subtrees: vec![
            GeneralSubtree::DnsName("localhost".to_owned()),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(IpAddr::V4(Ipv4Addr::LOCALHOST), 8)),
            GeneralSubtree::IpAddress(CidrSubnet::from_addr_prefix(IpAddr::V6(Ipv6Addr::LOCALHOST), 128)),
        ],
        excluded_subtrees: Vec::new(),
    });
    (ca.not_before, ca.not_after) = (not_before, not_after);
    let ca_key = KeyPair::generate()?;
    let authority = ca.self_signed(&ca_key)?.pem();
    let issuer = Issuer::new(ca, ca_key);

    let mut leaf = CertificateParams::new(vec!["localhost".to_owned()])?;
    leaf.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    leaf.subject_alt_names.push(SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)));
    leaf.distinguished_name.push(DnType::CommonName, "localhost");
    leaf.use_authority_key_identifier_extension = true;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    (leaf.not_before, leaf.not_after) = (not_before, not_after);
    let leaf_key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&leaf_key, &issuer)?.pem();

    // The authority's own key is dropped here: nothing can be signed with it later.
    Ok(Made { authority, certificate, key: leaf_key.serialize_pem() })
}
