/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "aws/client.h"
#include "aws/endpoint.h"

/* A client of a service as the daemon would make it, with what the environment says. */
struct stack {
	struct endpoint endpoint;
	struct http *http; /* all owned */
	struct credentials_chain *credentials;
	struct client *client;
};

#define STACK_NULL ((struct stack){ 0 })

/* Not `signs`: as where no credentials are needed. */
int stack_init(struct stack *stack, const char *service, bool signs, struct error *e);
void stack_deinit(struct stack *stack);

#define _stack_ __attribute__((cleanup(stack_deinit)))
