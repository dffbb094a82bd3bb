/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/core/secret.h"

#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void secret_hide_memory(void)
{
	prctl(PR_SET_DUMPABLE, 0);
	/* Where core_pattern is a program, fs.suid_dumpable decides what it gets; this decides for children too. */
	setrlimit(RLIMIT_CORE, &(struct rlimit){ .rlim_cur = 0, .rlim_max = 0 });
}

void secret_wipe(char **text)
{
	if (*text)
		explicit_bzero(*text, strlen(*text));
	free(*text);
	*text = NULL;
}
