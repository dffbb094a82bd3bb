#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the vectors beside this file, as botocore's signer sees them: one folder a case.

Run it with any Python that has botocore. The stages are called one by one, because add_auth would look at the clock.
"""
import json
import pathlib

import botocore
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

JSON = ["Content-Type", "application/x-amz-json-1.0"]
DYNAMODB = "DynamoDB_20120810."
PLAIN = {
    "method": "POST",
    "scheme": "https",
    "host": "dynamodb.eu-west-1.amazonaws.com",
    "path": "/",
    "query": "",
    "headers": [],
    "body": "",
    "access_key_id": "AKIDVECTORS0EXAMPLE",
    "secret_access_key": "not/a+real=secret/of+anybody/0123456789",
    "session_token": None,
    "time": "20150830T123600Z",
    "region": "eu-west-1",
    "service": "dynamodb",
}
CASES = {
    "dynamodb-get-item": {
        "headers": [JSON, ["X-Amz-Target", DYNAMODB + "GetItem"]],
        "body": '{"TableName":"conf","Key":{"_store":{"S":"prod"},"_option":{"S":"db"}},"ConsistentRead":true}',
    },
    "dynamodb-update-utf8": {
        "headers": [JSON, ["X-Amz-Target", DYNAMODB + "UpdateItem"]],
        "body": '{"TableName":"conf","ExpressionAttributeValues":{":v":{"S":"grün – 日本語 \\"x\\"\\n"}}}',
        "time": "20240229T235959Z",
    },
    "dynamodb-session-token": {
        "headers": [JSON, ["X-Amz-Target", DYNAMODB + "Scan"]],
        "body": '{"TableName":"conf"}',
        "session_token": "IQoJb3JpZ2luX2VjEXAMPLE//////////wEaCWV1LXdlc3QtMSJHMEUCIQ+/=" * 12,
    },
    "dynamodb-china": {
        "host": "dynamodb.cn-north-1.amazonaws.com.cn",
        "region": "cn-north-1",
        "headers": [JSON, ["X-Amz-Target", DYNAMODB + "ListTables"]],
        "body": "{}",
    },
    "empty-body": {"headers": [JSON]},
    "empty-path": {"method": "GET", "path": ""},
    "query-unsorted": {"method": "GET", "query": "b=2&a=3&B=1&a-b=1&a=1&c&a=2&_=0&a=10"},
    "query-odd": {"method": "GET", "query": "na%20me=a%2Bb%26c%3Dd&%C3%BC=%2F%3F&tilde=~-._&e=&x=y=z"},
    "path-percent": {"method": "GET", "path": "/a%20b/50%25/c%2Fd"},
    "path-utf8": {"method": "GET", "path": "/%C3%BC/%E6%97%A5%E6%9C%AC/"},
    "path-sub-delims": {"method": "GET", "path": "/a+b/(c)/d:e/@f;g=h,i/j~k_l-m.n/$!*'"},
    "path-dots": {"method": "GET", "path": "//a/./b//../c/.../..d/"},
    "path-climbs": {"method": "GET", "path": "/../../a/b/.."},
    "path-prefix": {"host": "gateway.example", "path": "/dynamodb/v1", "headers": [JSON], "body": "{}"},
    "header-spaces": {"headers": [["My-Header", "  inner   and \t outer  "], ["Z-Empty", ""], JSON]},
    "header-order": {
        "headers": [["zeta", "1"], ["X-Amz-Target", "t"], ["alpha", "2"], ["Accept", "*/*"], ["x_y", "3"], ["x-y", "4"]]
    },
    "header-repeated": {"headers": [["My-Header", "b"], ["Other", "x"], ["my-header", " a  c "], ["MY-HEADER", "d"]]},
    "port": {
        "scheme": "http",
        "host": "127.0.0.1:8000",
        "region": "us-east-1",
        "headers": [JSON, ["X-Amz-Target", DYNAMODB + "DescribeTable"]],
        "body": '{"TableName":"conf"}',
    },
    "port-ipv6": {"scheme": "http", "host": "[::1]:4566", "region": "us-east-1", "headers": [JSON], "body": "{}"},
    "sts-form": {
        "host": "sts.eu-west-1.amazonaws.com",
        "service": "sts",
        "headers": [["Content-Type", "application/x-www-form-urlencoded; charset=utf-8"]],
        "body": "Action=AssumeRole&Version=2011-06-15&RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fr",
    },
    "cloudwatch-json": {
        "host": "monitoring.eu-west-1.amazonaws.com",
        "service": "monitoring",
        "headers": [JSON, ["X-Amz-Target", "GraniteServiceVersion20100801.GetMetricData"]],
        "body": '{"MetricDataQueries":[]}',
        "time": "19700101T000000Z",
    },
}


def sign(case):
    request = AWSRequest(
        method=case["method"],
        url="{scheme}://{host}{path}".format(**case) + ("?" + case["query"] if case["query"] else ""),
        data=case["body"].encode(),
    )
    for name, value in case["headers"]:
        request.headers[name] = value
    credentials = Credentials(case["access_key_id"], case["secret_access_key"], case["session_token"])
    signer = SigV4Auth(credentials, case["service"], case["region"])
    request.context["timestamp"] = case["time"]
    signer._modify_request_before_signing(request)
    canonical = signer.canonical_request(request)
    to_sign = signer.string_to_sign(request, canonical)
    signer._inject_signature_to_request(request, signer.signature(to_sign, request))
    return canonical, to_sign, request.headers["Authorization"]


def main():
    here = pathlib.Path(__file__).resolve().parent
    for name, changes in CASES.items():
        case = {**PLAIN, **changes}
        canonical, to_sign, authorization = sign(case)
        folder = here / name
        folder.mkdir(exist_ok=True)
        del case["scheme"]
        (folder / "request.json").write_text(json.dumps(case, indent=1, ensure_ascii=False) + "\n", "utf-8")
        (folder / "canonical-request").write_text(canonical, "utf-8")
        (folder / "string-to-sign").write_text(to_sign, "utf-8")
        (folder / "authorization").write_text(authorization, "utf-8")
    print(f"{len(CASES)} vectors by botocore {botocore.__version__}")


if __name__ == "__main__":
    main()
