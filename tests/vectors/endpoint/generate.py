#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes hosts.txt beside this file: the host of every service in every partition, as botocore's rules have it.

Run it with any Python that has botocore. A line is: service, region, fips or -, dual or -, URL. Of each partition there
are its regions (for services other than the first, one of them) and one that does not exist yet, but for GovCloud, whose
regions the rules name; names without a number at their end, such as aws-global, are no regions that a table can be in.
"""
import itertools
import pathlib
import re

import botocore
import botocore.session
from botocore.endpoint_provider import EndpointProvider

SERVICES = ('dynamodb', 'cloudwatch', 'sns', 'sts', 'application-autoscaling', 'sso', 'sso-oidc')


def regions(partition, service):
    known = [name for name in partition['regions'] if re.search(r'\d$', name)]
    future = [] if partition['id'] == 'aws-us-gov' else [re.sub(r'\w+-\d+$', 'future-9', known[0])]
    return (known if service == SERVICES[0] else known[-1:]) + future


def lines(service, loader, partitions):
    rules = loader.load_service_model(service, 'endpoint-rule-set-1')
    provider = EndpointProvider(rules, partitions)
    # What botocore's own default, regional, comes down to.
    more = {'UseGlobalEndpoint': False} if 'UseGlobalEndpoint' in rules['parameters'] else {}
    for partition in partitions['partitions']:
        for region, fips, dual in itertools.product(regions(partition, service), (False, True), (False, True)):
            url = provider.resolve_endpoint(Region=region, UseFIPS=fips, UseDualStack=dual, **more).url
            yield f'{service} {region} {"fips" if fips else "-"} {"dual" if dual else "-"} {url}'


def main():
    loader = botocore.session.Session().get_component('data_loader')
    partitions = loader.load_data('partitions')
    text = [f'# botocore {botocore.__version__}']
    text += [line for service in SERVICES for line in lines(service, loader, partitions)]
    (pathlib.Path(__file__).parent / 'hosts.txt').write_text('\n'.join(text) + '\n')


main()
