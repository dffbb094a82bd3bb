/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "scaler/loop.h"
#include "tests/unit/fake_http.h"

#include <jansson.h>

/*
 * DynamoDB, CloudWatch, SNS, Application Auto Scaling and a circuit breaker in one http, answering from the JSON of a
 * loop case (tests/vectors/scaler/README.md); and a scaler on it, with one connection and a clock that only sleeping
 * moves.
 */
enum cloud_operation {
	CLOUD_LIST,
	CLOUD_DESCRIBE,
	CLOUD_UPDATE,
	CLOUD_METRIC_DATA,
	CLOUD_METRIC_STATISTICS,
	CLOUD_PUBLISH,
	CLOUD_TARGETS,
	CLOUD_BREAKER,
	CLOUD_OPERATIONS
};

struct fake_cloud {
	struct fake_service service; /* its clock */
	struct http http;
	struct log log;
	struct scaler_config config;
	struct scaler *scaler;
	json_t *tables;              /* owned; UpdateTable changes it at once */
	json_t *pass;                /* borrowed: metrics and faults */
	json_t *updates, *published; /* owned: as in the cases' `expect` */
	size_t calls[CLOUD_OPERATIONS];
	bool denied[CLOUD_OPERATIONS]; /* answered with AccessDenied */
	json_t *autoscaled;            /* borrowed array of resource ids; NULL: none */
	size_t lose_update;     /* this many UpdateTable are carried out and then answered with a status of 500 */
	size_t refuse_combined; /* this many UpdateTable of several units are refused */
	void (*asked)(struct fake_cloud *cloud,
		      enum cloud_operation operation); /* before it is carried out; may be NULL */
	int64_t bucket_start, bucket_end, bucket;      /* of the last metrics request, seconds */
	size_t queries;                                /* most in one GetMetricData */
	struct buf news;                               /* what the scaler told: "a 100->150, a failed, a well, " */
};

/* `conf` is the text of a configuration file, `arguments` what stands on the command line. */
int fake_cloud_init(struct fake_cloud *cloud, const char *conf, const struct scaler_argument *arguments,
		    size_t n_arguments, json_t *tables, struct error *e);
/* The scaler again, as after a restart: what it keeps is what its state file holds. */
int fake_cloud_restart(struct fake_cloud *cloud, struct error *e);
void fake_cloud_deinit(struct fake_cloud *cloud);
/* One pass at that time, Unix seconds. */
int fake_cloud_pass(struct fake_cloud *cloud, json_t *pass, int64_t now, struct error *e);
