/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/call.h"

#include "aws/core/clock.h"
#include "fs/snapshot.h"

void attr_stat(const struct attr *attr, struct stat *st)
{
	*st = (struct stat){
		.st_ino = attr->ino ? attr->ino : attr->id,
		.st_mode = attr->mode,
		.st_nlink = 1,
		.st_uid = attr->uid,
		.st_gid = attr->gid,
		.st_size = (off_t)attr->size,
		.st_blksize = 4096,
		.st_blocks = (blkcnt_t)((attr->size + 511) / 512),
		.st_mtim = { attr->mtime / CLOCK_SECOND, attr->mtime % CLOCK_SECOND },
	};
	st->st_atim = st->st_ctim = st->st_mtim;
}

double attr_seconds(int64_t ns)
{
	return (double)ns / (double)CLOCK_SECOND;
}

void call_statvfs(const struct call *c, struct statvfs *st)
{
	/* As much again as there is, at least 1 GiB: nobody knows how much a table can hold. */
	const uint64_t block = 4096, spare = (uint64_t)1 << 30;
	uint64_t used = (c->attr.size + block - 1) / block, free = used > spare / block ? used : spare / block;

	*st = (struct statvfs){
		.f_bsize = block,
		.f_frsize = block,
		.f_blocks = used + free,
		.f_bfree = free,
		.f_bavail = free,
		.f_files = c->done + (1 << 20),
		.f_ffree = 1 << 20,
		.f_favail = 1 << 20,
		.f_namemax = FILE_NAME_MAX,
	};
}

void call_deinit(struct call *call)
{
	buf_deinit(&call->text);
	call->pinned = folder_unref(call->pinned);
	call->out = NULL;
	call->out_len = 0;
}
