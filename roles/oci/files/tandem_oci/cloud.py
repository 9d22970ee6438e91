# Copyright: the Tandem contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The few questions and orders of ours that the cloud's API takes: the only file that knows the SDK.

Nothing is retried here and nothing waits longer than the settings say: who asks has the clock.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, TypeVar

from .faults import CannotAsk, Conflict, Fault, Misconfigured, NotInstalled, Refused
from .settings import Settings, private_file

# Before the SDK is imported: it has 150 services and we need one.
os.environ["OCI_PYTHON_SDK_NO_SERVICE_IMPORTS"] = "True"
try:
    import oci
    from oci._vendor.requests.exceptions import RequestException
    from oci.auth.signers import InstancePrincipalsSecurityTokenSigner
    from oci.circuit_breaker import NoCircuitBreakerStrategy
    from oci.core.compute_client import ComputeClient
    from oci.core.models import CreatePrivateIpDetails, UpdatePrivateIpDetails
    from oci.core.virtual_network_client import VirtualNetworkClient
    from oci.retry import NoneRetryStrategy
except ImportError as error:
    raise NotInstalled("the OCI SDK is not usable here (%s): run the role tandem.ha.oci" % error) from error

T = TypeVar("T")


@dataclass(frozen=True)
class PrivateIp:
    """A private IP object of the cloud."""

    id: str
    address: str
    vnic: str
    primary: bool


@dataclass(frozen=True)
class Instance:
    """A machine; `state` is the cloud's word, such as RUNNING, STOPPING or STOPPED."""

    id: str
    name: str
    state: str


class Cloud:
    """A connection as one identity to one region."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        if settings.ca_bundle:
            # The SDK would believe the environment before it believes us.
            for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
                os.environ.pop(name, None)
        config, signer = self._identity()
        options = {
            "timeout": (settings.connect_timeout, settings.read_timeout),
            "retry_strategy": NoneRetryStrategy(),
            "circuit_breaker_strategy": NoCircuitBreakerStrategy(),
            **({"signer": signer} if signer else {}),
            **({"service_endpoint": settings.endpoint} if settings.endpoint else {}),
        }
        self._network = self._call(lambda: VirtualNetworkClient(config, **options))
        self._compute = self._call(lambda: ComputeClient(config, **options))
        for client in (self._network, self._compute):
            if settings.ca_bundle:
                client.base_client.session.verify = settings.ca_bundle

    def subnet_of(self, vnic: str) -> str:
        """The OCID of the subnet a network card is in."""
        return str(self._call(lambda: self._network.get_vnic(vnic)).data.subnet_id)

    def private_ip(self, subnet: str, address: str) -> Optional[PrivateIp]:
        """Where the address is now; None when no card has it."""
        found = self._call(lambda: self._network.list_private_ips(subnet_id=subnet, ip_address=address)).data
        return _private_ip(found[0]) if found else None

    def assign(self, vnic: str, address: str) -> PrivateIp:
        """Give a card an address that no card has."""
        details = CreatePrivateIpDetails(vnic_id=vnic, ip_address=address)
        return _private_ip(self._call(lambda: self._network.create_private_ip(details)).data)

    def move(self, address: PrivateIp, vnic: str) -> PrivateIp:
        """Take the address from the card that has it and give it to this one, in one step."""
        details = UpdatePrivateIpDetails(vnic_id=vnic)
        return _private_ip(self._call(lambda: self._network.update_private_ip(address.id, details)).data)

    def instance(self, ocid: str) -> Instance:
        return _instance(self._call(lambda: self._compute.get_instance(ocid)).data)

    def instances(self, compartment: str) -> List[Instance]:
        """All instances that are not terminated."""
        pages = oci.pagination.list_call_get_all_results
        found = self._call(lambda: pages(self._compute.list_instances, compartment)).data
        return [_instance(one) for one in found if one.lifecycle_state not in ("TERMINATED", "TERMINATING")]

    def act(self, instance: str, action: str) -> Instance:
        """STOP, START: accepted, not yet done."""
        return _instance(self._call(lambda: self._compute.instance_action(instance, action)).data)

    def _identity(self) -> Any:
        """The SDK's configuration and, for an instance principal, what signs in its name."""
        if self._settings.auth == "api_key":
            return self._call(self._api_key), None
        # The SDK has no argument for it. The default it finds itself, IPv6 included.
        if self._settings.metadata_url != Settings.metadata_url:
            os.environ["OCI_METADATA_BASE_URL"] = self._settings.metadata_url
        signer = self._call(
            lambda: InstancePrincipalsSecurityTokenSigner(
                retry_strategy=NoneRetryStrategy(),
                federation_endpoint=self._settings.federation_endpoint or None,
                federation_client_cert_bundle_verify=self._settings.ca_bundle or None,
                federation_client_retry_strategy=NoneRetryStrategy(),
                federation_client_circuit_breaker_strategy=NoCircuitBreakerStrategy(),
            )
        )
        return {"region": self._settings.region or signer.region}, signer

    def _api_key(self) -> Dict[str, Any]:
        where = self._settings.config
        try:
            config: Dict[str, Any] = oci.config.from_file(where, self._settings.profile)
            if self._settings.region:
                config["region"] = self._settings.region
            private_file("%s: key_file" % where, str(config.get("key_file") or ""))
            oci.config.validate_config(config)
        except oci.exceptions.ProfileNotFound as fault:
            raise Misconfigured("%s: there is no profile %s" % (where, self._settings.profile)) from fault
        except (oci.exceptions.ClientError, ValueError) as fault:
            raise Misconfigured("%s: %s" % (where, fault)) from fault
        return config

    def _call(self, ask: Callable[[], T]) -> T:
        """One question, its failure in our words. What the SDK says is shortened: it quotes whole requests."""
        try:
            return ask()
        except oci.exceptions.ServiceError as fault:
            raise _explain(fault) from fault
        except (oci.exceptions.ClientError, RequestException) as fault:
            raise CannotAsk(_reason(fault)) from fault
        except (OSError, ValueError, RuntimeError) as fault:
            raise CannotAsk("%s: %s" % (type(fault).__name__, _shorten(str(fault)))) from fault


def _explain(fault: Any) -> Fault:
    said = "%s %s" % (fault.status, fault.code or "")
    told = "%s (%s, request %s)" % (_shorten(str(fault.message)), said.strip(), fault.request_id or "unknown")
    if fault.status == 401:
        return Refused("OCI refuses the credentials: expired, revoked, or this host's clock is wrong: %s" % told)
    if fault.status == 404:
        return Refused("OCI does not find it, or its policy does not let us see it: %s" % told)
    if fault.status == 400:
        return Misconfigured("OCI does not accept the request: %s" % told)
    if fault.status in (409, 412):
        return Conflict("OCI: %s" % told)
    if fault.status == 429:
        return CannotAsk("OCI throttles us: %s" % told)
    return CannotAsk("OCI: %s" % told)


def _reason(fault: Exception) -> str:
    text = "%s %s" % (fault, fault.__cause__ or fault.__context__ or "")
    if "NameResolution" in text or "Name or service not known" in text or "resolve" in text:
        return "the host of the OCI endpoint has no address: is the region right? (%s)" % _shorten(str(fault))
    if "CERTIFICATE_VERIFY" in text.upper():
        return "the OCI endpoint's certificate is not trusted: set ca_bundle (%s)" % _shorten(str(fault))
    return "no connection to OCI: %s" % _shorten(str(fault))


def _shorten(text: str) -> str:
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 300 else one_line[:297] + "..."


def _private_ip(raw: Any) -> PrivateIp:
    return PrivateIp(raw.id, raw.ip_address, raw.vnic_id or "", bool(raw.is_primary))


def _instance(raw: Any) -> Instance:
    return Instance(raw.id, raw.display_name or "", raw.lifecycle_state)
