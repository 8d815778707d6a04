/* Fluent Bit includes Onigmo; Oniguruma, its parent, offers the functions that Fluent Bit calls under the same names. */
#include <oniguruma.h>
