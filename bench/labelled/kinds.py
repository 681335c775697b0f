"""Every kind of personal data: what it is called where it is used, how it is written, and the rule it obeys."""

# ruff: noqa: RUF001 (words in their own alphabets)

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """``rule`` is the name of a rule; ``labels`` are names by language. With ``named`` a number only counts behind one.

    ``has_check`` says that the rule has a check digit, so that a random change breaks it.
    """

    kind: str
    templates: tuple[str, ...]
    rule: str
    labels: tuple[tuple[str, str], ...]
    named: bool = False
    has_check: bool = True


_S = "\u00a0"  # a space that keeps a number together

KINDS = (
    Kind("credit_card", ("4<d15>", "4<d12>", "4<d3> <d4> <d4> <d4>", "5<d3>-<d4>-<d4>-<d4>", "37<d2> <d6> <d5>",
                         "36<d12>", "35<d14>", "35<d16>", "62<d2> <d4> <d4> <d4>", f"4<d3>{_S}<d4>{_S}<d4>{_S}<d4>"),
         "card",
         (("en", "card number"), ("de", "Kreditkarte"), ("fr", "numéro de carte"), ("zh", "信用卡"), ("ru", "карта"))),
    Kind("us_ssn", ("<d3>-<d2>-<d4>",), "us.ssn", (("en", "SSN"), ("es", "número de seguro social")), has_check=False),
    Kind("us_itin", ("9<d2>-7<d1>-<d4>",), "us.itin", (("en", "ITIN"),), has_check=False),
    Kind("fr_ssn", ("1<ym>75<d8>", "2 <y> <m> 69 <d3> <d3> <d2>"), "fr.nir", (("fr", "numéro de sécurité sociale"),)),
    Kind("tr_id", ("<d11>",), "tr.tckimlik", (("tr", "TC kimlik no"),)),
    # Behind its name any serial counts, so what fails it stands alone.
    Kind("de_id", ("<G1><g8><d1>", "T<d9>"), "german card", (("de", "Personalausweis"),), has_check=False),
    Kind("de_tax_id", ("<d11>", "<d2> <d3> <d3> <d3>"), "de.idnr", (("de", "Steuer-ID"),)),
    Kind("es_id", ("<d8><u1>", "<d8>-<u1>", "X<d7><u1>"), "es.nif", (("es", "DNI"),)),
    Kind("it_fiscal_code", ("<C6><d2>A<d2>H<d3><u1>", "<C6><d2>T<d2>F<d3><u1>"), "it.codicefiscale",
         (("it", "codice fiscale"),)),
    Kind("nl_bsn", ("<d9>", "<d8>"), "nl.bsn", (("nl", "burgerservicenummer"), ("nl", "BSN")), named=True),
    Kind("pl_pesel", ("<ymd><d5>",), "pl.pesel", (("pl", "PESEL"),)),
    Kind("pt_nif", ("2<d8>", "1<d2> <d3> <d3>"), "pt.nif", (("pt", "NIF"), ("pt", "contribuinte")), named=True),
    Kind("pt_cc", ("<d8> <d1> ZZ<d1>", "<d9>ZY<d1>"), "pt.cc", (("pt", "cartão de cidadão"),)),
    Kind("uk_nino", ("AB <d2> <d2> <d2> C", "JG<d6>A", "PX <d2><d2><d2> D"), "any", (("en", "NI number"),),
         has_check=False),
    Kind("uk_nhs", ("<d10>", "<d3> <d3> <d4>"), "gb.nhs", (("en", "NHS number"),), named=True),
    Kind("ch_ahv", ("756<d10>", "756.<d4>.<d4>.<d2>"), "ch.ssn", (("de", "AHV-Nummer"), ("fr", "numéro AVS"))),
    Kind("se_personnummer", ("<ymd>-<d4>", "<Ymd>-<d4>", "<Ymd><d4>"), "se.personnummer", (("sv", "personnummer"),)),
    Kind("no_fodselsnummer", ("<dmy><d5>", "<dmy> <d5>"), "no.fodselsnummer", (("no", "fødselsnummer"),)),
    Kind("dk_cpr", ("<dmy>-0<d3>", "<dmy>-2<d3>"), "dk.cpr", (("da", "CPR-nummer"),), has_check=False),
    Kind("fi_hetu", ("<dmy>-<d3><d1>", "<dmy>-<d3><n1>"), "fi.hetu", (("fi", "henkilötunnus"),)),
    Kind("be_rrn", ("<y>.<m>.<d>-<d3>.<d2>", "<ymd><d5>"), "be.nn", (("nl", "rijksregisternummer"),
                                                                    ("fr", "registre national"))),
    Kind("bg_egn", ("<ymd><d4>",), "bg.egn", (("bg", "ЕГН"),), named=True),
    Kind("cz_sk_birth_number", ("<ymd>/<d4>",), "cz.rc", (("cs", "rodné číslo"),)),
    Kind("ro_cnp", ("1<ymd>12<d4>", "2<ymd>40<d4>"), "ro.cnp", (("ro", "CNP"),)),
    Kind("gr_amka", ("<dmy><d5>",), "gr.amka", (("el", "ΑΜΚΑ"),)),
    Kind("ee_lt_personal_code", ("3<ymd><d4>", "4<ymd><d4>"), "ee.ik", (("et", "isikukood"), ("lt", "asmens kodas"))),
    Kind("lv_personal_code", ("<dmy>-1<d4>",), "lv.pvn", (("lv", "personas kods"),)),
    Kind("hr_oib", ("<d11>",), "hr.oib", (("hr", "OIB"),), named=True),
    Kind("balkan_jmbg", ("<dm>9<d2>50<d4>", "<dm>9<d2>33<d4>"), "si.emso", (("hr", "JMBG"),)),
    Kind("ie_pps", ("<d7><u1>", "<d7><u1>A"), "ie.pps", (("en", "PPS number"),)),
    Kind("ua_rnokpp", ("<d10>",), "ua.rntrc", (("uk", "РНОКПП"), ("uk", "ІПН")), named=True),
    Kind("ru_snils", ("<d3>-<d3>-<d3> <d2>",), "snils", (("ru", "СНИЛС"),)),
    Kind("ru_inn", ("<d12>",), "ru.inn", (("ru", "ИНН"),)),
    Kind("br_cpf", ("<d3>.<d3>.<d3>-<d2>", "<d11>"), "br.cpf", (("pt", "CPF"),)),
    Kind("in_aadhaar", ("<d4> <d4> <d4>",), "in_.aadhaar", (("hi", "आधार"), ("en", "Aadhaar"))),
    Kind("in_pan", ("<u3>P<u1><d4><u1>",), "in_.pan", (("hi", "PAN"), ("en", "PAN")), has_check=False),
    Kind("ca_sin", ("1<d8>", "5<d2>-<d3>-<d3>", "7<d2> <d3> <d3>"), "ca.sin",
         (("en", "social insurance number"), ("fr", "assurance sociale")), named=True),
    Kind("au_tfn", ("<d9>", "<d3> <d3> <d3>"), "au.tfn", (("en", "tax file number"), ("en", "TFN")), named=True),
    Kind("au_medicare", ("2<d9>", "4<d3> <d5> <d1>", "3<d10>"), "medicare", (("en", "Medicare"),), named=True),
    Kind("cn_resident_id", ("110101<Ymd><d4>", "310101<Ymd><d3>X"), "cn.ric", (("zh", "身份证号"),)),
    Kind("kr_rrn", ("<ymd>-1<d6>", "<ymd>-2<d6>"), "kr.rrn", (("ko", "주민등록번호"),), has_check=False),
    Kind("jp_my_number", ("<d12>", "<d4> <d4> <d4>"), "jp.in_", (("ja", "マイナンバー"), ("ja", "個人番号")),
         named=True),
    Kind("tw_id", ("A1<d8>", "F2<d8>"), "taiwan", (("zh", "身分證字號"),)),
    Kind("sg_nric", ("S<d7><u1>", "T<d7><u1>", "G<d7><u1>"), "singapore", (("en", "NRIC"), ("zh", "身份证"))),
    Kind("hk_id", ("A<d6>(<d1>)", "K<d6>(<d1>)"), "hong kong", (("en", "HKID"), ("zh", "身份證"))),
    Kind("il_id", ("<d9>",), "il.idnr", (("he", "תעודת זהות"),), named=True),
    Kind("za_id", ("<ymd><d4>08<d1>",), "za.idnr", (("en", "South African ID"),)),
    Kind("mx_curp", ("GOMC<ymd>HDF<C3>0<d1>", "PERL<ymd>MJC<C3>1<d1>"), "mx.curp", (("es", "CURP"),)),
    Kind("ar_cuit", ("20-<d8>-<d1>", "27-<d8>-<d1>"), "ar.cuit", (("es", "CUIT"),)),
    Kind("cl_rut", ("<d2>.<d3>.<d3>-<d1>", "<d1>.<d3>.<d3>-K"), "cl.rut", (("es", "RUT"),)),
    Kind("th_id", ("1-<d4>-<d5>-<d2>-<d1>", "3-<d4>-<d5>-<d2>-<d1>"), "th.pin", (("th", "เลขประจำตัวประชาชน"),)),
    Kind("my_nric", ("<ymd>-14-<d4>", "<ymd>-08-<d4>"), "my.nric", (("ms", "nombor kad pengenalan"),),
         has_check=False),
    Kind("pk_cnic", ("3520<d1>-<d7>-<d1>", "4210<d1>-<d7>-<d1>"), "pk.cnic", (("ur", "شناختی کارڈ"),),
         has_check=False),
)  # fmt: skip
