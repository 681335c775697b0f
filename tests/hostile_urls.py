"""URLs that lead, or look as if they led, to where no connection may go; and answers of resolvers that do."""

from __future__ import annotations

# Hosts that are addresses, spelt in a way that some programs read as one: refused even when private is allowed.
ODD_HOSTS = (
    "2130706433", "3232235777", "2852039166", "017700000001", "0177.0.0.1", "0177.0.0.01", "0x7f000001", "0x7f.0.0.1",
    "0x7f.1", "0X7F.0.0.1", "127.1", "127.0.1", "10.1", "127.0.0.01", "127.000.000.001", "0xa9fea9fe",
    "0xa9.0xfe.0xa9.0xfe", "0251.0376.0251.0376", "169.16689662", "169.254.43518", "1.2.3.4.5", "256.256.256.256",
    "127.0.0.1.", "2130706433.", "0", "00", "0x", "0x0", "4294967295", "4294967296", "99999999999", "127.0.0.0x1",
    "a.127", "localhost.1", "\u2460\u2461\u2466.\u24ea.\u24ea.\u2460", "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "127\u30020\u30020\u30021", "\u0662\u0661\u0663\u0660\u0667\u0660\u0666\u0664\u0663\u0663", "127.0.0.1%2f",
    "127.0.0.1%00.example.com", "%31%32%37.0.0.1", "127.0.0.1,example.com", "-127.0.0.1", "127..1", ".127.0.0.1",
    "[127.0.0.1]", "[::1%25lo]", "[fe80::1%25eth0]", "[::ffff:127.0.0.1%251]", "[::1", "::1]", "[]", "[v1.fe]",
    "[0:0:0:0:0:0:0:0:1]", "exa mple.com", "exam\tple.com", "example.com\n", "example.com\\@127.0.0.1",
    "user@127.0.0.1", "user:secret@example.com", "@example.com", ":80", "", "example.com:0", "example.com:99999",
    "example.com:80a", "example.com:", "exa_mple..com", "a" * 64 + ".example.com", "[::ffff:7f00:1",
    "example.com\x00.evil.org", "ex\xadample\u2028.com",
)  # fmt: skip
# Addresses nobody may connect to, whatever is configured.
NEVER = (
    "0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.170.2", "169.254.170.23", "169.254.169.253", "169.254.0.23",
    "169.254.42.42", "100.100.100.200", "168.63.129.16", "192.0.0.192", "192.0.0.1", "192.0.2.1", "192.88.99.1",
    "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::2", "::ffff:0.0.0.0", "::ffff:169.254.169.254", "::ffff:a9fe:a9fe", "::127.0.0.1",
    "::169.254.169.254", "64:ff9b::169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1",
    "64:ff9b:1::a9fe:a9fe", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::", "2002:808:808::",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001::1", "2001:10::1", "2001:20::1", "2001:db8::1", "3fff::1",
    "5f00::1", "100::1", "fd00:ec2::254", "fd00:ec2::253", "fd00:ec2::23", "fd20:ce::254", "fd00:42::42", "fec0::1",
    "feff::1", "ff02::1", "ff05::2", "4000::1", "2600::5efe:7f00:1", "2600::200:5efe:a00:1", "::ffff:0:7f00:1",
)  # fmt: skip
# Addresses that only a user's own word opens.
PRIVATE = (
    "127.0.0.1", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1",
    "192.168.255.255", "100.64.0.1", "100.127.255.255", "169.254.1.1", "::1", "fc00::1", "fd12:3456::1", "fe80::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:7f00:1", "::ffff:c0a8:1", "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1", "64:ff9b::c0a8:101",
)  # fmt: skip
PUBLIC = (
    "1.1.1.1", "8.8.8.8", "9.255.255.255", "11.0.0.1", "172.15.255.255", "172.32.0.1", "100.63.255.255",
    "100.128.0.1", "192.167.255.255", "169.253.255.255", "2600::1", "2606:4700::1111", "::ffff:8.8.8.8",
    "64:ff9b::808:808",
)  # fmt: skip
OTHER_SCHEMES = (
    "ftp://example.com/", "file:///etc/passwd", "gopher://127.0.0.1:6379/_x", "dict://127.0.0.1:11211/",
    "//example.com/", "example.com", "javascript:alert(1)", "ws://example.com/",
    "http+unix://%2fvar%2frun%2fdocker.sock/", "", "https:", "https:///path", "http:/127.0.0.1/",
)  # fmt: skip


def in_url(address: str) -> str:
    """Return an https URL whose host is ``address``."""
    return f"https://[{address}]/hook" if ":" in address else f"https://{address}/hook"
