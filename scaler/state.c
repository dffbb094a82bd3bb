/* SPDX-License-Identifier: Apache-2.0 */
#include "scaler/state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void entry_free(struct state_entry *entry)
{
	free(entry->site);
	free(entry->table);
	free(entry->index);
	free(entry->events);
	free(entry->samples);
	json_decref(entry->options);
	free(entry);
}

void state_deinit(struct state *state)
{
	for (size_t i = 0; i < state->n; i++)
		entry_free(state->entries[i]);
	free(state->entries);
	*state = STATE_NULL;
}

static int compare(const struct state_entry *entry, const char *site, const struct target *target)
{
	int order = strcmp(entry->site, site);

	if (!order)
		order = strcmp(entry->table, target->table);
	if (order || !entry->index || !target->index)
		return order ? order : !!entry->index - !!target->index;
	return strcmp(entry->index, target->index);
}

/* Where it is, or belongs. */
static size_t position(const struct state *state, const char *site, const struct target *target, bool *found)
{
	size_t low = 0, high = state->n;

	*found = false;
	while (low < high && !*found) {
		size_t middle = low + (high - low) / 2;
		int order = compare(state->entries[middle], site, target);
		*found = order == 0;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return *found ? high : low;
}

struct state_entry *state_find(const struct state *state, const char *site, const struct target *target)
{
	bool found;
	size_t at = position(state, site, target, &found);

	return found ? state->entries[at] : NULL;
}

static struct state_entry *entry_new(const char *site, const struct target *target)
{
	struct state_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	entry->site = strdup(site);
	entry->table = strdup(target->table);
	entry->index = target->index ? strdup(target->index) : NULL;
	if (entry->site && entry->table && (entry->index || !target->index))
		return entry;
	entry_free(entry);
	return NULL;
}

int state_get(struct state *state, const char *site, const struct target *target, struct state_entry **entry,
	      struct error *e)
{
	bool found;
	size_t at = position(state, site, target, &found);

	if (!found) {
		struct state_entry *made = entry_new(site, target);
		struct state_entry **longer =
			made ? reallocarray(state->entries, state->n + 1, sizeof(struct state_entry *)) : NULL;
		if (!longer) {
			if (made)
				entry_free(made);
			return error_no_memory(e);
		}
		state->entries = longer;
		memmove(longer + at + 1, longer + at, (state->n - at) * sizeof(struct state_entry *));
		longer[at] = made;
		state->n++;
	}
	*entry = state->entries[at];
	return 0;
}

/* A place at the end of an array of at most `max` elements; the oldest goes when it is full. NULL: no memory. */
static void *push(void **array, size_t *n, size_t max, size_t size)
{
	if (!*array)
		*array = calloc(max, size);
	if (!*array)
		return NULL;
	if (*n == max)
		memmove(*array, (char *)*array + size, --*n * size);
	return (char *)*array + (*n)++ * size;
}

int state_record(struct state_entry *entry, const struct state_event *event, struct error *e)
{
	struct state_event *place =
		push((void **)&entry->events, &entry->n_events, STATE_EVENTS_MAX, sizeof(*entry->events));

	if (!place)
		return error_no_memory(e);
	*place = *event;
	return 0;
}

int state_sample(struct state_entry *entry, const struct state_sample *sample, struct error *e)
{
	struct state_sample *place =
		push((void **)&entry->samples, &entry->n_samples, STATE_SAMPLES_MAX, sizeof(*entry->samples));

	if (!place)
		return error_no_memory(e);
	*place = *sample;
	return 0;
}
