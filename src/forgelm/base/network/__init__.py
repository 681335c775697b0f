"""Everything that leaves this machine, or is kept from leaving it: the one HTTP client, and the libraries' switches."""

from forgelm.base.network.switches import hub_token, is_offline, private, quiet_ray

__all__ = ["hub_token", "is_offline", "private", "quiet_ray"]
