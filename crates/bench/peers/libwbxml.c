/* Times libwbxml over one document, for the comparison in the benchmarks.
 *
 * usage: libwbxml wbxml2xml|xml2wbxml FILE ROUNDS
 *
 * Prints the nanoseconds of CPU that one conversion took, the least over five runs of ROUNDS
 * conversions each. XML is generated in the compact form and WBXML without a string table: the
 * library's fastest settings.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <wbxml/wbxml_conv.h>
#include <wbxml/wbxml_errors.h>

static double cpu_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static WBXMLError to_xml(WB_UTINY *in, WB_ULONG length)
{
    WBXMLConvWBXML2XML *conv = NULL;
    WB_UTINY *out = NULL;
    WB_ULONG out_length = 0;
    WBXMLError error = wbxml_conv_wbxml2xml_create(&conv);
    if (error != WBXML_OK)
        return error;
    wbxml_conv_wbxml2xml_set_gen_type(conv, WBXML_GEN_XML_COMPACT);
    error = wbxml_conv_wbxml2xml_run(conv, in, length, &out, &out_length);
    wbxml_conv_wbxml2xml_destroy(conv);
    free(out);
    return error;
}

static WBXMLError to_wbxml(WB_UTINY *in, WB_ULONG length)
{
    WBXMLConvXML2WBXML *conv = NULL;
    WB_UTINY *out = NULL;
    WB_ULONG out_length = 0;
    WBXMLError error = wbxml_conv_xml2wbxml_create(&conv);
    if (error != WBXML_OK)
        return error;
    wbxml_conv_xml2wbxml_disable_string_table(conv);
    error = wbxml_conv_xml2wbxml_run(conv, in, length, &out, &out_length);
    wbxml_conv_xml2wbxml_destroy(conv);
    free(out);
    return error;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    FILE *file = fopen(argv[2], "rb");
    if (!file)
        return 2;
    fseek(file, 0, SEEK_END);
    long length = ftell(file);
    rewind(file);
    WB_UTINY *document = malloc((size_t)length + 1);
    if (!document || fread(document, 1, (size_t)length, file) != (size_t)length)
        return 2;
    fclose(file);
    document[length] = 0;

    long rounds = atol(argv[3]);
    int decodes = strcmp(argv[1], "wbxml2xml") == 0;
    double best = 1e9;
    for (int run = 0; run < 5; run++) {
        double begun = cpu_seconds();
        for (long round = 0; round < rounds; round++) {
            WBXMLError error = decodes ? to_xml(document, (WB_ULONG)length)
                                       : to_wbxml(document, (WB_ULONG)length);
            if (error != WBXML_OK) {
                fprintf(stderr, "%s\n", wbxml_errors_string(error));
                return 1;
            }
        }
        double spent = cpu_seconds() - begun;
        if (spent < best)
            best = spent;
    }
    printf("%.0f\n", best * 1e9 / (double)rounds);
    return 0;
}
