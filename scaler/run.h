/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The program: everything from the command line to the exit status (enum scaler_exit in scaler/cli.h). */
int scaler_main(int argc, char **argv);
